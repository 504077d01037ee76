import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostName, hostPattern, labelName, looseName, parsePortRange, reservedLabels } from './names.ts'

test('labels that a door answers on are refused as names', () => {
  for (const label of ['flow', 'proxy', 'link', 'web', 'id', 'console', 'api', 'feed']) {
    assert.equal(reservedLabels.has(label), true)
    assert.equal(labelName.safeParse(label).success, false, label)
  }
})

test('a label is lower-case letters, digits and single inner hyphens', () => {
  for (const good of ['a', 'a1', 'wiki-2', 'x'.repeat(40)]) assert.equal(labelName.safeParse(good).success, true, good)
  for (const bad of ['', '-a', 'a-', 'a--b', 'A', 'a.b', 'a_b', 'ä', 'x'.repeat(41), 'a\n', 'xn--a']) {
    assert.equal(labelName.safeParse(bad).success, false, bad)
  }
})

test('a host is a name, never an address, and has no trailing dot', () => {
  for (const good of ['wiki', 'wiki.acme.test', 'a-b.example', '1.a'])
    assert.equal(hostName.safeParse(good).success, true, good)
  for (const bad of ['', '10.0.0.1', 'a.', '.a', 'a..b', 'A.b', 'a b', '[::1]', 'a_b.c', 'x'.repeat(64), 'a/b']) {
    assert.equal(hostName.safeParse(bad).success, false, bad)
  }
})

test('a star stands for one label at the front only', () => {
  assert.equal(hostPattern.safeParse('*.dev.acme.test').success, true)
  for (const bad of ['*', '*.', 'a.*.b', '**.a', '*a.b']) assert.equal(hostPattern.safeParse(bad).success, false, bad)
})

test('loose names take addresses but neither spaces nor markup', () => {
  assert.equal(looseName.safeParse('alice+x@example.org').success, true)
  for (const bad of ['', '@a', 'a b', '<b>', 'a/b', 'Ä', 'a\u202eb'])
    assert.equal(looseName.safeParse(bad).success, false, bad)
})

test('port ranges are whole, ordered and in bounds', () => {
  assert.deepEqual(parsePortRange('443'), { first: 443, last: 443 })
  assert.deepEqual(parsePortRange('8000-8100'), { first: 8000, last: 8100 })
  for (const bad of ['0', '65536', '2-1', '1-', '-1', 'a', '1-2-3', ' 1', '1.5', ''])
    assert.equal(parsePortRange(bad), null, bad)
})
