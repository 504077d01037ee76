// Spans as a real collector receives them, and whose trace context is believed.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { listen } from '#transport/testing.ts'
import { caps } from './caps.ts'
import { createTraceHeaders, parseTraceparent } from './trace-context.ts'
import { spansOf, startTraces, type Passed } from './traces.ts'

const eventId = '3f2b8c1d-0e4a-4b7c-9d6e-5f4a3b2c1d0e'
const passed: Passed = {
  kind: 'flow',
  id: 'flw_1',
  eventId,
  way: 'sealed',
  endedAtMs: 1_700_000_000_000,
  hops: { decide: 1, statement: 2, park: 0, offer: 3, claim: 20, handshake: 18, app: 5 },
}
const from = (endpoint: string) => ({ endpoint, headers: { 'x-key': 'k' }, sample: 1, part: 'exchange', version: '1' })

test('a collector receives a flow as one trace whose id is that of its event', async () => {
  const bodies: { headers: unknown; body: string }[] = []
  const collector = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      bodies.push({ headers: request.headers['x-key'], body })
      response.end('{}')
    })
  })
  const port = await listen(collector)
  const traces = startTraces(from(`http://127.0.0.1:${port}`), { log: () => {} })
  traces.take(passed)
  await traces.close()
  collector.close()
  assert.equal(bodies[0]?.headers, 'k')
  const document = JSON.parse(bodies[0]?.body ?? '')
  const { spans } = document.resourceSpans[0].scopeSpans[0]
  assert.equal(spans.length, 8)
  assert.ok(spans.every(({ traceId }: { traceId: string }) => traceId === eventId.replaceAll('-', '')))
  const [root, ...hops] = spans as { spanId: string; parentSpanId?: string; startTimeUnixNano: string }[]
  assert.ok(hops.every(({ parentSpanId }) => parentSpanId === root?.spanId))
  // decide 1, statement 2, park 0, offer 3; then claim, handshake and app begin together.
  assert.equal(root?.startTimeUnixNano, `${(1_700_000_000_000n - 26n) * 1_000_000n}`)
  assert.deepEqual(traces.counts(), { sent: 8, dropped: 0 })
})

test('a collector that is away costs spans, which are counted, and nothing else', async () => {
  const log: string[] = []
  const traces = startTraces(from('http://127.0.0.1:1'), { log: (message) => log.push(message) })
  for (let n = 0; n < caps.traceQueue.default; n++) traces.take(passed)
  await traces.close()
  const { sent, dropped } = traces.counts()
  assert.deepEqual([sent, dropped], [0, 8 * caps.traceQueue.default])
  assert.equal(log.length, 1)
})

test('a trace context is believed from listed peers only, and only in its one form', () => {
  const headers = createTraceHeaders({ trustedPeers: ['192.0.2.0/24'], tellApps: true, sample: 1 })
  const theirs = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  assert.equal(headers(theirs, '198.51.100.1', eventId).trusted, undefined)
  assert.match(headers(theirs, '198.51.100.1', eventId).forward ?? '', /^00-3f2b8c1d0e4a4b7c9d6e5f4a3b2c1d0e-/)
  assert.match(headers(theirs, '192.0.2.7', eventId).forward ?? '', /^00-a{32}-9d6e5f4a3b2c1d0e-01$/)
  for (const wrong of [
    theirs.toUpperCase(),
    theirs.replace('00-', '01-'),
    `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
    `${theirs}-x`,
    '',
  ])
    assert.equal(parseTraceparent(wrong), undefined)
  const quiet = createTraceHeaders({ trustedPeers: [], tellApps: false, sample: 1 })
  assert.equal(quiet(theirs, '192.0.2.7', eventId).forward, undefined)
})

test('a span names no person, app or path', () => {
  const text = JSON.stringify(spansOf(passed, 1, () => 'c'.repeat(16)))
  const keys = [...text.matchAll(/"key":"([^"]+)"/g)].map(([, key]) => key)
  assert.deepEqual(keys, ['sallyport.flow_id', 'sallyport.event_id', 'sallyport.way'])
})

test('an unsampled trace of a trusted peer stays unsampled', () => {
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`
  assert.deepEqual(
    spansOf({ ...passed, traceparent }, 1, () => ''),
    [],
  )
  assert.deepEqual(
    spansOf(passed, 0, () => ''),
    [],
  )
})
