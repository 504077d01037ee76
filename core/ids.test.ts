import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type IdKind, idPrefixes, isId, newId } from './ids.ts'

const kinds = Object.keys(idPrefixes) as IdKind[]

test('every kind has its own prefix', () => {
  assert.equal(new Set(Object.values(idPrefixes)).size, kinds.length)
})

test('a new id is an id of its kind and of no other', () => {
  for (const kind of kinds) {
    const id = newId(kind)
    for (const other of kinds) assert.equal(isId(other, id), other === kind, `${id} as ${other}`)
  }
})

test('an id uses all of its random bytes', () => {
  const seen = new Set(Array.from({ length: 2000 }, () => newId('flow')))
  assert.equal(seen.size, 2000)
  assert.notEqual(
    newId('flow', (count) => new Uint8Array(count).fill(1)),
    newId('flow', (count) => new Uint8Array(count).fill(2)),
  )
})

test('nothing but the exact form is an id', () => {
  const id = newId('user')
  for (const bad of [
    '',
    'usr_',
    id.slice(0, -1),
    `${id}a`,
    id.toUpperCase(),
    ` ${id}`,
    `${id}\n`,
    id.replace(/.$/, '1'),
    null,
    7,
    {},
  ]) {
    assert.equal(isId('user', bad), false, String(bad))
  }
  fc.assert(fc.property(fc.string(), (text) => isId('user', text) === /^usr_[a-z2-7]{20}$/.test(text)))
})
