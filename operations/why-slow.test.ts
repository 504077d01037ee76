import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainSlowness } from './why-slow.ts'

test('names the hop that took the most beyond its usual time, not the longest', () => {
  const usual = { decide: 1, statement: 1, park: 0, offer: 2, handshake: 300, app: 10 }
  const { culprit, sentence } = explainSlowness({ ...usual, app: 280 }, [usual, usual, usual])
  assert.equal(culprit, 'app')
  assert.match(sentence, /connector to app: 280 ms .* usually 10 ms/)
})

test('blames nobody where everything was as usual, or nothing was measured', () => {
  const usual = { decide: 1, app: 900 }
  assert.equal(explainSlowness({ ...usual, app: 905 }, [usual]).culprit, null)
  assert.equal(explainSlowness({}, []).culprit, null)
})

test('hops that pass together are not added up', () => {
  assert.equal(explainSlowness({ offer: 10, claim: 100, handshake: 90, app: 5 }, []).totalMs, 110)
})
