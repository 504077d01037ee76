// The counts stay right while the square grows, and when it is made small again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { caps } from '#intelligence/caps.ts'
import { countBoth, fittedTo, newCoUse, usersOfBoth } from './co-use.ts'

test('counts of two apps are the same in both directions and outlast growth', () => {
  let coUse = newCoUse()
  const pairs = [
    [0, 1],
    [3, 15],
    [2, 16],
    [40, 7],
    [700, 3],
    [caps.coUseApps.default - 1, 0],
  ] as const
  for (const [at, [app, other]] of pairs.entries())
    for (let times = 0; times <= at; times++) coUse = countBoth(coUse, app, other)
  for (const [at, [app, other]] of pairs.entries()) {
    assert.equal(usersOfBoth(coUse, app, other), at + 1)
    assert.equal(usersOfBoth(coUse, other, app), at + 1)
  }
  assert.equal(
    coUse.reduce((sum, count) => sum + count, 0),
    2 * (1 + 2 + 3 + 4 + 5 + 6),
  )
})

test('the square never grows past its cap', () => {
  const side = caps.coUseApps.default
  assert.equal(countBoth(newCoUse(), side - 1, side - 2).length, side ** 2)
})

test('nothing is known of apps that were never counted', () => {
  assert.equal(usersOfBoth(newCoUse(), 0, 1), 0)
  assert.equal(usersOfBoth(newCoUse(), 5000, 1), 0)
  assert.equal(usersOfBoth(newCoUse(), 1, 5000), 0)
})

test('a count stops at what its two bytes hold', () => {
  let coUse = newCoUse()
  for (let times = 0; times < 70_000; times++) coUse = countBoth(coUse, 1, 2)
  assert.equal(usersOfBoth(coUse, 1, 2), 65_535)
})

test('a full square of a few apps becomes small with its counts kept, and one of many stays', () => {
  const side = caps.coUseApps.default
  const full = new Uint16Array(side ** 2)
  full[3 * side + 9] = 12
  full[9 * side + 3] = 12
  const small = fittedTo(full, 20)
  assert.equal(small.length, 32 ** 2)
  assert.equal(usersOfBoth(small, 3, 9), 12)
  assert.equal(usersOfBoth(small, 9, 3), 12)
  assert.equal(fittedTo(full, 20_000), full)
  assert.equal(fittedTo(small, 500), small)
})
