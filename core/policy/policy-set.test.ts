import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { entity, EntityStore } from './entity.ts'
import { compilePolicy, type Policy } from './policy.ts'
import { PolicySet } from './policy-set.ts'
import type { Request } from './request.ts'
import { CedarRecord, EntityUid } from './value.ts'

const users = ['a', 'b', 'c'].map((id) => new EntityUid('User', id))
const groups = ['g', 'h', 'i'].map((id) => new EntityUid('Group', id))
const apps = ['x', 'y'].map((id) => new EntityUid('App', id))
const actions = ['read', 'write', 'any'].map((id) => new EntityUid('Action', id))

const uidJson = (from: readonly EntityUid[]): fc.Arbitrary<object> =>
  fc.constantFrom(...from).map(({ type, id }) => ({ type, id }))

const target = (from: readonly EntityUid[]): fc.Arbitrary<object> =>
  fc.oneof(
    fc.constant({ op: 'All' }),
    uidJson([...from, ...groups]).map((entity_) => ({ op: '==', entity: entity_ })),
    uidJson([...from, ...groups]).map((entity_) => ({ op: 'in', entity: entity_ })),
    fc.constantFrom('User', 'App', 'Group').map((type) => ({ op: 'is', entity_type: type })),
    uidJson(groups).map((entity_) => ({ op: 'is', entity_type: 'User', in: { entity: entity_ } })),
  )
const action = fc.oneof(
  fc.constant({ op: 'All' }),
  uidJson(actions).map((entity_) => ({ op: '==', entity: entity_ })),
  fc.array(uidJson(actions), { maxLength: 3 }).map((entities) => ({ op: 'in', entities })),
)
const policy = fc
  .record({ effect: fc.constantFrom('permit', 'forbid'), principal: target(users), action, resource: target(apps) })
  .map((form) => ({ ...form, conditions: [] }))

const parents = (from: readonly EntityUid[]): fc.Arbitrary<EntityUid[]> => fc.subarray([...from])
const world = fc
  .tuple(parents(groups), parents(groups.slice(1)), parents(groups), parents(actions.slice(1)))
  .map((found) =>
    EntityStore.of([
      entity(users[0]!, CedarRecord.empty, found[0]),
      entity(groups[0]!, CedarRecord.empty, found[1]),
      entity(apps[0]!, CedarRecord.empty, found[2]),
      entity(actions[0]!, CedarRecord.empty, found[3]),
    ]),
  )
const request: fc.Arbitrary<Request> = fc.record({
  principal: fc.constantFrom(...users, groups[0]!),
  action: fc.constantFrom(...actions),
  resource: fc.constantFrom(...apps),
  context: fc.constant(CedarRecord.empty),
})

/** The scope read plainly, without any index. */
function isInScope(each: Policy, asked: Request, entities: EntityStore): boolean {
  const isIn = (uid: EntityUid, other: EntityUid): boolean =>
    uid.key === other.key || (entities.get(uid.key)?.ancestors.set.has(other.key) ?? false)
  const fits = ({ type, uid, isExact }: Policy['principal'], subject: EntityUid): boolean =>
    (type === null || type === subject.type) &&
    (uid === null || (isExact ? uid.key === subject.key : isIn(subject, uid)))
  const isAction =
    each.action.kind === 'any' ||
    (each.action.kind === 'exact' && each.action.action.key === asked.action.key) ||
    (each.action.kind === 'within' && each.action.actions.some((other) => isIn(asked.action, other)))
  return isAction && fits(each.principal, asked.principal) && fits(each.resource, asked.resource)
}

test('finds exactly the policies whose scope matches, each once, also after changes', () => {
  const changes = fc.array(fc.tuple(fc.nat({ max: 11 }), fc.option(policy)), { maxLength: 8 })
  const run = fc.property(
    fc.array(policy, { maxLength: 8 }),
    changes,
    world,
    request,
    (ests, edits, entities, asked) => {
      let set = PolicySet.of(ests.map((est, at) => compilePolicy({ id: `p${at}`, est })))
      const before = set
      const beforeIds = set.matching(asked, entities).map(({ id }) => id)
      for (const [at, est] of edits) {
        set = est === null ? set.withoutPolicy(`p${at}`) : set.withPolicy(compilePolicy({ id: `p${at}`, est }))
      }
      const expected = [...set].filter((each) => isInScope(each, asked, entities)).map(({ id }) => id)
      const found = set.matching(asked, entities).map(({ id }) => id)
      assert.deepEqual(found.toSorted(), expected.toSorted())
      assert.deepEqual(
        before.matching(asked, entities).map(({ id }) => id),
        beforeIds,
        'the old set did not change',
      )
    },
  )
  fc.assert(run, { numRuns: 1_000 })
})

test('returns policies in the order of the set, and keeps a replaced one in its place', () => {
  const est = {
    effect: 'permit',
    principal: { op: 'All' },
    action: { op: 'All' },
    resource: { op: 'All' },
    conditions: [],
  }
  const ids = Array.from({ length: 15 }, (_, at) => `policy${at}`)
  const set = PolicySet.of(ids.map((id) => compilePolicy({ id, est })))
  const asked = { principal: users[0]!, action: actions[0]!, resource: apps[0]!, context: CedarRecord.empty }
  const changed = set.withPolicy(compilePolicy({ id: 'policy2', est })).withPolicy(compilePolicy({ id: 'last', est }))
  assert.deepEqual(
    changed.matching(asked, EntityStore.empty).map(({ id }) => id),
    [...ids, 'last'],
  )
})
