import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { asFault, Fault, faultTable, isFault } from './fault.ts'

test('what the outside sees holds neither detail nor cause', () => {
  const fault = new Fault('store-failed', {
    hint: 'Try again.',
    detail: { query: 'secret' },
    cause: new Error('hidden'),
  })
  assert.equal(
    JSON.stringify(fault),
    '{"code":"store-failed","message":"The store did not accept the change. Try again."}',
  )
  assert.deepEqual(fault.detail, { query: 'secret' })
})

test('an unknown error becomes internal and keeps its cause', () => {
  const cause = new Error('x')
  assert.equal(asFault(cause).code, 'internal')
  assert.equal(asFault(cause).cause, cause)
  const known = new Fault('not-found')
  assert.equal(asFault(known), known)
  assert.equal(isFault(known, 'not-found'), true)
  assert.equal(isFault(known, 'internal'), false)
})

test('the table is complete: every code raised in the source is listed, and each message ends as a sentence', () => {
  const raised = new Set<string>()
  for (const file of globSync('{core,cedar,transport,journal,exchange,connector,agent,control,cli}/**/*.ts', {
    exclude: (name) => name === 'node_modules',
  })) {
    for (const match of readFileSync(file, 'utf8').matchAll(/new Fault\(\s*'([a-z-]+)'/g)) raised.add(match[1] ?? '')
  }
  assert.deepEqual(
    [...raised].filter((code) => !(code in faultTable)),
    [],
  )
  for (const [code, [status, text]] of Object.entries(faultTable)) {
    assert.match(text, /\.$/, code)
    assert.equal(status >= 400 && status < 600, true, code)
  }
})
