// An exchange's figures as samples, and its hops as histograms and traces. Must never name a tenant unless told to.
import type { Counter, Seen } from '#exchange/context.ts'
import type { Exchange, ExchangeDeps } from '#exchange/server.ts'
import { caps } from '#operations/caps.ts'
import type { Sample } from '#operations/exposition.ts'
import { Histogram } from '#operations/histogram.ts'
import type { MetricName } from '#operations/metric-table.ts'
import type { Traces } from '#operations/traces.ts'
import { hopNames, type HopName } from '#core/wire/hops.ts'
import type { PartLog } from '#cli/log.ts'
import { VERSION } from '#cli/version.ts'
import type { TraceFlags } from './options.ts'

export type ExchangeFigures = {
  /** What the exchange is started with. */
  readonly deps: Pick<ExchangeDeps, 'watch' | 'traceHeaders'>
  readonly collect: (exchange: Exchange) => readonly Sample[]
  readonly close: () => Promise<void>
}

const counters: Readonly<Record<Counter, MetricName>> = {
  refused: 'sallyport_exchange_connections_refused_total',
  denied: 'sallyport_exchange_denied_total',
  flows: 'sallyport_exchange_flows_total',
  requests: 'sallyport_exchange_requests_total',
  cut: 'sallyport_exchange_cut_total',
  eventsLost: 'sallyport_exchange_events_lost_total',
  intercepted: 'sallyport_exchange_web_intercepted_total',
  passed: 'sallyport_exchange_web_passed_total',
}

export async function startExchangeFigures(
  flags: { readonly traces: TraceFlags | undefined; readonly tenants: boolean },
  log: PartLog,
): Promise<ExchangeFigures> {
  const traces = await tracesOf(flags.traces, log)
  const histograms = new Map<string, Histogram>()
  const watch = (seen: Seen): void => {
    for (const hop of hopNames) observe(seen, hop)
    traces?.exporter.take(seen)
  }

  return {
    deps: { watch, ...(traces !== undefined && { traceHeaders: traces.headers }) },
    collect(exchange) {
      const figures = exchange.metrics()
      return [
        { name: 'sallyport_exchange_connections', value: figures.connections },
        { name: 'sallyport_exchange_live_flows', value: figures.liveFlows },
        { name: 'sallyport_exchange_parked_sockets', value: figures.parked },
        { name: 'sallyport_exchange_connector_links', value: figures.links },
        { name: 'sallyport_exchange_tenants', value: figures.tenants },
        { name: 'sallyport_exchange_feed_connected', value: figures.isFeedConnected ? 1 : 0 },
        ...Object.entries(counters).map(([counter, name]) => ({ name, value: figures[counter as Counter] })),
        ...hopSamples(),
        ...(flags.tenants ? tenantSamples(exchange.flowsOfTenants()) : []),
        ...traceSamples(traces?.exporter),
      ]
    },
    async close() {
      await traces?.exporter.close()
    },
  }

  function observe({ kind, hops }: Seen, hop: HopName): void {
    const ms = hops[hop]
    if (ms !== undefined) histograms.getOrInsertComputed(`${hop} ${kind}`, () => new Histogram()).observe(ms / 1000)
  }

  function hopSamples(): readonly Sample[] {
    return [...histograms]
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, histogram]) => {
        const [hop = '', kind = ''] = key.split(' ')
        return { name: 'sallyport_exchange_hop_seconds', labels: { hop, kind }, value: histogram.value }
      })
  }
}

/** The busiest by name; what is left over is summed, so that a scrape stays as long as it was. */
export function tenantSamples(flows: ReadonlyMap<string, number>): readonly Sample[] {
  const name = 'sallyport_exchange_tenant_live_flows'
  const byFlows = [...flows].toSorted(([, left], [, right]) => right - left)
  const named = byFlows.slice(0, caps.tenantSeries.default)
  const others = byFlows.slice(caps.tenantSeries.default).reduce((sum, [, count]) => sum + count, 0)
  return [
    ...named.map(([tenant, value]) => ({ name, labels: { tenant }, value }) as const),
    ...(byFlows.length > named.length ? [{ name, labels: { tenant: 'other tenants' }, value: others } as const] : []),
  ]
}

async function tracesOf(flags: TraceFlags | undefined, log: PartLog) {
  if (flags === undefined) return undefined
  const { startTraces } = await import('#operations/traces.ts')
  const { createTraceHeaders } = await import('#operations/trace-context.ts')
  const headers = createTraceHeaders(flags)
  return { exporter: startTraces({ ...flags, part: 'exchange', version: VERSION }, { log }), headers }
}

function traceSamples(traces: Traces | undefined): readonly Sample[] {
  if (traces === undefined) return []
  const { sent, dropped } = traces.counts()
  return [
    { name: 'sallyport_trace_spans_sent_total', value: sent },
    { name: 'sallyport_trace_spans_dropped_total', value: dropped },
  ]
}
