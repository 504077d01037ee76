// Every limit of what watches the parts, with unit, default and reason. A limit that is not here does not exist.
export const caps = {
  watchSockets: { unit: 'sockets', default: 32, reason: 'a scraper or two, and a probe; more are somebody else' },
  watchHeadMs: { unit: 'ms', default: 5_000, reason: 'a scraper sends its request at once' },
  watchHeadBytes: { unit: 'bytes', default: 8_192, reason: 'a GET with a token' },
  collectMs: { unit: 'ms', default: 3_000, reason: 'figures come from memory; a scraper gives up after ten seconds' },
  tenantSeries: { unit: 'series', default: 200, reason: 'the busiest tenants by name, the rest in one' },
  tokenBytes: { unit: 'bytes', default: 4_096, reason: 'a token file holds one line' },
  traceQueue: {
    unit: 'spans',
    default: 4_096,
    reason: 'half a minute of a busy exchange; more are dropped and counted',
  },
  traceBatch: { unit: 'spans', default: 512, reason: 'the usual batch of OTLP exporters' },
  traceEveryMs: { unit: 'ms', default: 2_000, reason: 'soon enough to look at, rare enough to cost nothing' },
  traceSendMs: { unit: 'ms', default: 10_000, reason: 'a collector that needs longer is down' },
  doctorMs: { unit: 'ms', default: 5_000, reason: 'one hop; a person waits at the screen' },
  clockSkewMs: { unit: 'ms', default: 5_000, reason: 'what connectors allow; beyond it statements are refused' },
  supportFiles: { unit: 'files', default: 200, reason: 'configuration and state, without journals' },
  supportFileBytes: { unit: 'bytes', default: 262_144, reason: 'the end of a longer file is what counts' },
  supportBytes: { unit: 'bytes', default: 16_777_216, reason: 'what goes through a ticket system' },
} as const satisfies Record<string, { readonly unit: string; readonly default: number; readonly reason: string }>
