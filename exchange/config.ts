// What an exchange is told at its start. Unknown keys refuse to start; the defaults are safe.
import { addressList } from '#transport/address-list.ts'
import { Fault } from '#core/fault.ts'
import type { OutboundConfig } from '#exchange/outbound/outbound.ts'

export type Endpoint = { readonly host: string; readonly port: number }

export type ExchangeLimits = {
  readonly connections?: number
  readonly connectionsPerSource?: number
  readonly flows?: number
  readonly flowsPerTenant?: number
  readonly flowsPerSession?: number
}

export type ExchangeConfig = {
  /** Folder that `enrolExchange` wrote. */
  readonly identityFolder: string
  /** Folder for snapshots, certificates and the event spool; made when missing. */
  readonly dataFolder: string
  /** The one public port. Port 0: any free one. */
  readonly listen: Endpoint
  /** `host:port` under which agents and connectors reach this exchange. */
  readonly publicAddress: string
  /** Where control's feed is dialled. */
  readonly feed: Endpoint
  /** Where portal, sign-in, console and API are: connections for those hosts are relayed there untouched. */
  readonly control: Endpoint
  /** Addresses and networks of balancers that send a PROXY v2 header; everyone else must not. Default: none. */
  readonly balancers?: readonly string[]
  /** Largest number of bytes of events kept while control is away. Default 1 GiB. */
  readonly journalSpoolBytes?: number
  /** Limits that differ from those in caps.ts. */
  readonly limits?: ExchangeLimits
  /** How long `close` lets flows end by themselves, in ms. Default 10 s; 0: not at all. */
  readonly drainMs?: number
  /** The way to the internet; every key has a default. */
  readonly outbound?: OutboundConfig
}

const keys: ReadonlySet<string> = new Set([
  'identityFolder',
  'dataFolder',
  'listen',
  'publicAddress',
  'feed',
  'control',
  'balancers',
  'journalSpoolBytes',
  'drainMs',
  'limits',
  'outbound',
])
const limitKeys = ['connections', 'connectionsPerSource', 'flows', 'flowsPerTenant', 'flowsPerSession'] as const

/** Throws Fault `configuration-invalid` naming the key. */
export function parseExchangeConfig(value: unknown): ExchangeConfig {
  if (typeof value !== 'object' || value === null) throw invalid('it', 'an object')
  const config = value as Partial<Record<string, unknown>>
  for (const key of Object.keys(config)) if (!keys.has(key)) throw invalid(key, 'left out: it is not known')
  const balancers = config['balancers'] ?? []
  if (!Array.isArray(balancers) || !balancers.every((each) => typeof each === 'string')) {
    throw invalid('balancers', 'a list of addresses')
  }
  addressList(balancers)
  const publicAddress = text(config, 'publicAddress')
  if (!/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/.test(publicAddress)) throw invalid('publicAddress', 'host:port')
  return {
    identityFolder: text(config, 'identityFolder'),
    dataFolder: text(config, 'dataFolder'),
    listen: endpoint(config, 'listen', 0),
    publicAddress,
    feed: endpoint(config, 'feed', 1),
    control: endpoint(config, 'control', 1),
    balancers,
    ...(config['journalSpoolBytes'] !== undefined && { journalSpoolBytes: count(config, 'journalSpoolBytes') }),
    ...(config['limits'] !== undefined && { limits: limitsOf(config['limits']) }),
    ...(config['drainMs'] !== undefined && { drainMs: count(config, 'drainMs') }),
    ...(config['outbound'] !== undefined && { outbound: outboundOf(config['outbound']) }),
  }
}

function text(config: Partial<Record<string, unknown>>, key: string): string {
  const value = config[key]
  if (typeof value !== 'string' || value === '') throw invalid(key, 'a text')
  return value
}

function count(config: Partial<Record<string, unknown>>, key: string): number {
  const value = config[key]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw invalid(key, 'a whole number')
  return value
}

const outboundKeys = ['insecureAllowPrivateDestinations', 'resolvers', 'extraCaPem'] as const

function outboundOf(value: unknown): OutboundConfig {
  if (typeof value !== 'object' || value === null) throw invalid('outbound', 'an object')
  for (const [key, list] of Object.entries(value)) {
    if (!outboundKeys.some((known) => known === key)) throw invalid(`outbound.${key}`, 'left out: it is not known')
    const isTexts = Array.isArray(list) && list.every((each) => typeof each === 'string')
    if (!isTexts) throw invalid(`outbound.${key}`, 'a list of texts')
    if (key === 'insecureAllowPrivateDestinations') addressList(list)
  }
  return value
}

function limitsOf(value: unknown): ExchangeLimits {
  if (typeof value !== 'object' || value === null) throw invalid('limits', 'an object')
  const limits = value as Partial<Record<string, unknown>>
  for (const key of Object.keys(limits)) {
    if (!limitKeys.some((known) => known === key)) throw invalid(`limits.${key}`, 'left out: it is not known')
  }
  return Object.fromEntries(Object.keys(limits).map((key) => [key, count(limits, key)]))
}

function endpoint(config: Partial<Record<string, unknown>>, key: string, leastPort: number): Endpoint {
  const value = config[key]
  if (typeof value !== 'object' || value === null || !('host' in value) || !('port' in value)) {
    throw invalid(key, 'host and port')
  }
  const { host, port } = value
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= leastPort && port <= 65_535
  if (typeof host !== 'string' || host === '' || !isPort) throw invalid(key, 'host and port')
  return { host, port }
}

function invalid(key: string, expected: string): Fault {
  return new Fault('configuration-invalid', { hint: `Exchange: "${key}" must be ${expected}.` })
}
