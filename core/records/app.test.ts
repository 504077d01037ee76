// What a declaration of an app may not say.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appSpec } from './app.ts'

const refused = [
  'Connection',
  'keep-alive',
  'TE',
  'Trailer',
  'transfer-encoding',
  'Upgrade',
  'Proxy-Authorization',
  'Host',
  'Content-Length',
  'X-Sallyport-Assertion',
  'sallyport-reason',
  'Set-Cookie',
]

function accepts(rules: object): boolean {
  const spec = { kind: 'http', connectorGroup: 'main', upstream: { host: 'app' } }
  const both = [{ requestHeaders: rules }, { responseHeaders: rules }]
  const results = both.map((http) => appSpec.safeParse({ ...spec, http }).success)
  assert.equal(results[0], results[1])
  return results[0] === true
}

test('header rules reach no framing, routing, cookie or name of ours', () => {
  assert.equal(accepts({ set: { 'X-Env': 'prod' }, remove: ['Cookie2', 'server'] }), true)
  for (const name of refused) {
    assert.equal(accepts({ set: { [name]: 'x' } }), false, name)
    assert.equal(accepts({ remove: [name] }), false, name)
  }
})
