import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#core/fault.ts'
import { type Entity, entity, EntityStore } from './entity.ts'
import { CedarRecord, EntityUid } from './value.ts'

const uid = (at: number): EntityUid => new EntityUid('Group', `g${at}`)
const node = (at: number, ...parents: number[]): Entity => entity(uid(at), CedarRecord.empty, parents.map(uid))

/** Ancestors the slow way. */
function above(entities: ReadonlyMap<string, Entity>, key: string): Set<string> {
  const found = new Set<string>()
  const open = [key]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const parent of entities.get(at)?.parents ?? []) {
      if (!found.has(parent.key)) open.push(parent.key)
      found.add(parent.key)
    }
  }
  return found
}

test('knows the same ancestors after any changes as when built at once', () => {
  const change = fc.tuple(fc.nat({ max: 12 }), fc.option(fc.array(fc.nat({ max: 6 }), { maxLength: 3 })))
  const run = fc.property(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 8 }), (steps) => {
    let store = EntityStore.empty
    const plain = new Map<string, Entity>()
    for (const step of steps) {
      const added = new Map<string, Entity>()
      const removed = new Map<string, EntityUid>()
      for (const [at, parents] of step) {
        // parents have higher numbers: no cycles
        const each = node(at, ...(parents ?? []).map((offset) => at + 1 + offset))
        removed.delete(each.uid.key)
        added.delete(each.uid.key)
        if (parents === null) removed.set(each.uid.key, each.uid)
        else added.set(each.uid.key, each)
      }
      store = store.with(added.values()).without(removed.values())
      for (const each of added.values()) plain.set(each.uid.key, each)
      for (const key of removed.keys()) plain.delete(key)
    }
    assert.deepEqual(Array.from(store, (each) => each.uid.key).toSorted(), [...plain.keys()].toSorted())
    for (const each of store)
      assert.deepEqual([...each.ancestors.set].toSorted(), [...above(plain, each.uid.key)].toSorted())
  })
  fc.assert(run, { numRuns: 500 })
})

test('refuses cycles, also one closed by a later change, and keeps the old store', () => {
  const isRefused = (error: unknown): boolean => isFault(error, 'document-invalid')
  assert.throws(() => EntityStore.of([node(1, 1)]), isRefused)
  assert.throws(() => EntityStore.of([node(1, 2), node(2, 3), node(3, 1)]), isRefused)
  const store = EntityStore.of([node(1, 2), node(2, 3)])
  assert.throws(() => store.with([node(3, 1)]), isRefused)
  assert.equal(store.get(uid(3).key), undefined)
})

test('walks a hierarchy of 2,000 levels without using the stack', () => {
  const chain = Array.from({ length: 2_000 }, (_, at) => node(at, at + 1))
  assert.equal(EntityStore.of(chain).get(uid(0).key)?.ancestors.set.size, 2_000)
})

test('shares what a change does not touch', () => {
  const store = EntityStore.of([...Array.from({ length: 100 }, (_, at) => node(at, 200)), node(200, 201)])
  const changed = store.with([node(7, 200, 300)])
  assert.notEqual(changed.get(uid(7).key), store.get(uid(7).key))
  for (let at = 8; at < 100; at++) assert.equal(changed.get(uid(at).key), store.get(uid(at).key))
  const moved = changed.with([node(200, 202)])
  assert.equal(moved.get(uid(50).key)?.ancestors.set.has(uid(202).key), true)
  assert.equal(moved.get(uid(50).key)?.ancestors.set.has(uid(201).key), false)
  assert.equal(changed.get(uid(50).key)?.ancestors.set.has(uid(201).key), true)
})

test('accepts the same entity twice and refuses two different ones of one name', () => {
  assert.equal(Array.from(EntityStore.of([node(1, 2), node(1, 2)])).length, 1)
  assert.throws(
    () => EntityStore.of([node(1, 2), node(1, 3)]),
    (error) => isFault(error, 'document-invalid'),
  )
})
