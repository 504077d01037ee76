// An event written as text must be the same event as one written as an object.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { repeatedEvent } from './event-text.ts'

test('what is filled in gives the event that would have been made, whatever the path says', () => {
  const make = (marks: { uid: string; timeMs: number; path: string }) => ({
    time: marks.timeMs,
    metadata: { uid: marks.uid },
    url: { path: marks.path, said: 'uid path "uid x" 8000000000000000' },
    inputs: { nowMs: 17, http: { path: marks.path } },
  })
  const fill = repeatedEvent(make)
  for (const path of ['/', '/a"b\\c\u0000\u2028', '/uid path', '/$1$&', 'x'.repeat(5000)]) {
    const wanted = { uid: 'b1', timeMs: 1_764_000_000_000, path }
    assert.equal(fill(wanted).json, JSON.stringify(make(wanted)))
  }
})
