// What a list may be asked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { page } from './views.ts'

test('a search holds no control characters, which end a text in one database and are refused by the other', () => {
  for (const search of ['a\0b', '\0', 'a\u001fb', 'x\u0085']) assert.equal(page.safeParse({ search }).success, false)
  for (const search of ['', 'Zoë', "100% o'clock_\\"]) assert.equal(page.safeParse({ search }).success, true)
})
