// What was probably meant, and that nonsense means nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearestName } from './nearest-name.ts'

test('finds the name that was mistyped, and none where nothing is near', () => {
  const names = ['wiki', 'payroll', 'git', 'payments']
  const typed = {
    wikii: 'wiki',
    wkii: 'wiki',
    WIKI: 'wiki',
    payrol: 'payroll',
    payrlol: 'payroll',
    paymets: 'payments',
  }
  for (const [wrong, right] of Object.entries(typed)) assert.equal(nearestName(wrong, names), right, wrong)
  for (const nonsense of ['', 'zzz', 'database', 'x'.repeat(10_000)])
    assert.equal(nearestName(nonsense, names), undefined)
  assert.equal(nearestName('wiki', []), undefined)
})
