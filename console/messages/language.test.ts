// The second language says everything that the first does.
import assert from 'node:assert/strict'
import test from 'node:test'
import { de } from './de.ts'
import { en } from './en.ts'
import { lacking } from './translation.ts'

test('German lacks no word of English', () => {
  assert.deepEqual(lacking(en, de), [])
})
