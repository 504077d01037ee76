// Traces to a collector (OTLP over HTTP, JSON), loaded only where one is configured. Must never hold up traffic, grow
// beyond its queue, or carry a name of a person, an app or a path: spans have ids, hops and numbers.
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '#core/fault.ts'
import { hopNames, type HopTimes } from '#core/wire/hops.ts'
import { caps } from './caps.ts'
import { idsOf, isSampled, parseTraceparent } from './trace-context.ts'

export type TraceConfig = {
  /** `http://host:4318` or `https://…`; `/v1/traces` is added where no path is given. */
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  /** Share of traces that are kept, 0 to 1. */
  readonly sample: number
  readonly part: string
  readonly version: string
}

export type TraceDeps = {
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  readonly random?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>
}

/** What came through to its app: `#exchange/context.ts` tells it. */
export type Passed = {
  readonly kind: 'flow' | 'request'
  readonly id: string
  readonly eventId: string
  readonly way: string
  readonly endedAtMs: number
  readonly hops: HopTimes
  readonly traceparent?: string | undefined
}

export type Traces = {
  readonly take: (passed: Passed) => void
  readonly counts: () => { readonly sent: number; readonly dropped: number }
  /** Sends what is left, bounded. */
  readonly close: () => Promise<void>
}

type Span = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: 1 | 2
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[]
}

/** Throws `configuration-invalid`. */
export function startTraces(config: TraceConfig, deps: TraceDeps): Traces {
  const url = endpointOf(config.endpoint)
  const random = deps.random ?? ((bytes) => crypto.getRandomValues(bytes))
  const queue: Span[] = []
  const stop = new AbortController()
  let sent = 0
  let dropped = 0
  let isAway = false
  const sending = run()

  return {
    take(passed) {
      const spans = spansOf(passed, config.sample, () => Buffer.from(random(new Uint8Array(8))).toString('hex'))
      if (queue.length + spans.length > caps.traceQueue.default) dropped += spans.length
      else queue.push(...spans)
    },
    counts: () => ({ sent, dropped }),
    async close() {
      stop.abort()
      await sending
      if (queue.length > 0) await sendBatch()
      dropped += queue.length
      queue.length = 0
    },
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      await delay(caps.traceEveryMs.default, undefined, { signal: stop.signal, ref: false }).catch(() => undefined)
      while (queue.length > 0 && !stop.signal.aborted) {
        if (!(await sendBatch())) break
      }
    }
  }

  /** A batch that is refused is lost and counted: traces are no journal. */
  async function sendBatch(): Promise<boolean> {
    const batch = queue.splice(0, caps.traceBatch.default)
    try {
      const answer = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        headers: { ...config.headers, 'content-type': 'application/json' },
        body: JSON.stringify(documentOf(batch)),
        signal: AbortSignal.timeout(caps.traceSendMs.default),
      })
      await answer.body?.cancel()
      if (!answer.ok) throw new Error(`status ${answer.status}`)
      sent += batch.length
      isAway = false
      return true
    } catch (error) {
      dropped += batch.length
      if (!isAway) deps.log('the trace collector takes nothing', { error: String(error) })
      isAway = true
      return false
    }
  }

  function documentOf(spans: readonly Span[]) {
    const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } })
    const resource = {
      attributes: [attribute('service.name', `sallyport-${config.part}`), attribute('service.version', config.version)],
    }
    return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'sallyport' }, spans }] }] }
  }
}

/** Measured by the connector while the agent was on its way back: they begin together. */
const together: ReadonlySet<string> = new Set(['claim', 'handshake', 'app'])

export function spansOf(passed: Passed, sample: number, newSpanId: () => string): readonly Span[] {
  const parent = parseTraceparent(passed.traceparent)
  const own = idsOf(passed.eventId)
  const traceId = parent?.traceId ?? own.traceId
  if (!(parent?.isSampled ?? isSampled(traceId, sample))) return []
  const placed: { readonly hop: string; readonly fromMs: number; readonly ms: number }[] = []
  let atMs = 0
  let endMs = 0
  for (const hop of hopNames) {
    const ms = passed.hops[hop]
    if (ms === undefined) continue
    placed.push({ hop, fromMs: atMs, ms })
    endMs = Math.max(endMs, atMs + ms)
    if (passed.way !== 'sealed' || !together.has(hop)) atMs += ms
  }
  const startMs = passed.endedAtMs - endMs
  const attributes = [
    { key: 'sallyport.flow_id', value: { stringValue: passed.id } },
    { key: 'sallyport.event_id', value: { stringValue: passed.eventId } },
    { key: 'sallyport.way', value: { stringValue: passed.way } },
  ]
  const root: Span = {
    traceId,
    spanId: own.spanId,
    ...(parent !== undefined && { parentSpanId: parent.spanId }),
    name: passed.kind,
    kind: 2,
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(passed.endedAtMs),
    attributes,
  }
  const children = placed.map(({ hop, fromMs, ms }): Span => ({
    traceId,
    spanId: newSpanId(),
    parentSpanId: own.spanId,
    name: hop,
    kind: 1,
    startTimeUnixNano: nanos(startMs + fromMs),
    endTimeUnixNano: nanos(startMs + fromMs + ms),
    attributes: [],
  }))
  return [root, ...children]
}

function nanos(ms: number): string {
  return `${BigInt(Math.round(ms * 1000)) * 1000n}`
}

function endpointOf(text: string): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw new Fault('configuration-invalid', { hint: `--traces takes http://host:port or https://…, not "${text}".` })
  }
  if (url.pathname === '/') url.pathname = '/v1/traces'
  return url.href
}
