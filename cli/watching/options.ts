// Flags of the parts that can be watched: the metrics address, traces, and what may be named. Must never take a secret as
// a flag: other users of the machine see those.
import { readFileSync, statSync } from 'node:fs'
import { Fault } from '#core/fault.ts'
import { caps } from '#operations/caps.ts'
import type { WatchConfig } from '#operations/watch-endpoint.ts'
import { parseEndpoint } from '#cli/endpoints.ts'
import type { Input } from '#cli/command.ts'

export const watchOptions = {
  metrics: {
    type: 'string',
    help: 'host:port of /metrics, /healthz and /readyz (default: SALLYPORT_METRICS, then none); off loopback SALLYPORT_METRICS_TOKEN is needed',
  },
} as const

export const traceOptions = {
  'metrics-tenants': { type: 'boolean', help: 'also count live flows by the name of their tenant' },
  traces: {
    type: 'string',
    help: 'OTLP/HTTP collector for traces, such as http://127.0.0.1:4318 (default: SALLYPORT_TRACES, then none)',
  },
  'traces-sample': { type: 'string', help: 'share of traces that are kept, 0 to 1 (default 1)' },
  'traces-from': {
    type: 'string',
    multiple: true,
    help: 'address or network whose traceparent header is believed; may be repeated (default: nobody)',
  },
  'traces-to-apps': { type: 'boolean', help: 'tell apps the traceparent of each request' },
} as const

/** Undefined: nobody watches. */
export function watchConfigOf(input: Input): WatchConfig | undefined {
  const at = input.text('metrics') ?? process.env['SALLYPORT_METRICS']
  if (at === undefined) return undefined
  return { ...parseEndpoint(at, '--metrics'), token: tokenFromEnvironment() }
}

function tokenFromEnvironment(): string | undefined {
  const file = process.env['SALLYPORT_METRICS_TOKEN_FILE']
  const token = file === undefined ? process.env['SALLYPORT_METRICS_TOKEN'] : readToken(file)
  if (token === undefined || token === '') return undefined
  if (!/^[\x21-\x7e]{16,512}$/.test(token))
    throw new Fault('configuration-invalid', { hint: 'The metrics token must be 16 to 512 visible characters.' })
  return token
}

function readToken(file: string): string {
  if (statSync(file).size > caps.tokenBytes.default)
    throw new Fault('configuration-invalid', { hint: `${file} is too large for a token.` })
  return readFileSync(file, 'utf8').trim()
}

export type TraceFlags = {
  readonly endpoint: string
  readonly sample: number
  readonly trustedPeers: readonly string[]
  readonly tellApps: boolean
  readonly headers: Readonly<Record<string, string>>
}

/** Undefined: no traces. Headers for the collector come from OTEL_EXPORTER_OTLP_HEADERS, as with other programs. */
export function traceFlagsOf(input: Input): TraceFlags | undefined {
  const endpoint = input.text('traces') ?? process.env['SALLYPORT_TRACES']
  if (endpoint === undefined) {
    if (input.flag('traces-to-apps') || input.list('traces-from').length > 0)
      throw new Fault('configuration-invalid', { hint: '--traces-from and --traces-to-apps go with --traces.' })
    return undefined
  }
  const sample = Number(input.text('traces-sample') ?? '1')
  if (!(sample >= 0 && sample <= 1))
    throw new Fault('configuration-invalid', { hint: '--traces-sample takes a number from 0 to 1.' })
  return {
    endpoint,
    sample,
    trustedPeers: input.list('traces-from'),
    tellApps: input.flag('traces-to-apps'),
    headers: headersOf(process.env['OTEL_EXPORTER_OTLP_HEADERS'] ?? ''),
  }
}

/** `name=value,name=value`, values percent-encoded. */
function headersOf(text: string): Readonly<Record<string, string>> {
  const pairs = text
    .split(',')
    .filter((pair) => pair.trim() !== '')
    .map((pair): [string, string] => {
      const at = pair.indexOf('=')
      const name = pair.slice(0, at).trim()
      if (at < 1 || !/^[A-Za-z0-9-]{1,64}$/.test(name))
        throw new Fault('configuration-invalid', { hint: 'OTEL_EXPORTER_OTLP_HEADERS is not name=value,….' })
      return [name, decodeURIComponent(pair.slice(at + 1).trim())]
    })
  return Object.fromEntries(pairs)
}
