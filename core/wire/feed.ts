// The feed: control stream between an exchange and control (framed JSON over mutual TLS, ALPN sallyport-feed).
// Control never learns traffic here, only events, receipts and live-flow summaries of the tenants concerned.
import * as z from 'zod'
import { hops } from './hops.ts'

export const FEED_VERSIONS = [1] as const
export const FEED_ALPN = 'sallyport-feed'

const id = z.string().max(64)
const requestId = z.number().int().nonnegative()

export const liveFlow = z.strictObject({
  flowId: id,
  tenantId: id,
  userId: id,
  userName: z.string(),
  sessionId: id,
  deviceId: id.nullable(),
  appId: id,
  appName: z.string(),
  connectorId: id.nullable(),
  exchangeId: id,
  way: z
    .enum(['sealed', 'inspected', 'browser', 'websocket', 'web', 'passed'])
    .describe('web: to the internet, looked into; passed: to the internet, not looked into'),
  clientIp: z.string().max(64),
  openedAtMs: z.number().int(),
  bytesIn: z.number().nonnegative(),
  bytesOut: z.number().nonnegative(),
  policies: z.array(z.string()).max(100).describe('names of the policies that allowed it'),
  hops: hops.optional(),
})
export type LiveFlow = z.infer<typeof liveFlow>

/** Live flows of one person to one app, or to the internet, together. */
const flowSum = z.strictObject({
  userId: id,
  appId: z.string().max(64).describe('empty: the internet'),
  isWeb: z.boolean(),
  flows: z.number().int().nonnegative(),
  bytesIn: z.number().nonnegative().describe('since the sums before'),
  bytesOut: z.number().nonnegative(),
})
export type FlowSum = z.infer<typeof flowSum>

export const feedFromExchange = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    versions: z.array(z.number().int()).min(1).max(16),
    software: z.string().max(64),
    address: z.string().max(300).describe('public host:port of this exchange'),
    assertionKey: z
      .strictObject({
        kty: z.literal('EC'),
        crv: z.literal('P-256'),
        x: z.string().max(64),
        y: z.string().max(64),
        kid: z.string().max(64),
      })
      .describe('public JWK with which this exchange signs assertions for apps; control publishes it'),
    journalKeyPem: z
      .string()
      .max(300)
      .describe('SPKI PEM, Ed25519: signs the checkpoints of this exchange (writer = exchange id); control keeps it'),
    have: z.array(z.strictObject({ tenantId: id, epoch: id, sequence: z.number().int() })).max(10_000),
  }),
  z.strictObject({ type: z.literal('statement'), requestId, tenantId: id, sessionId: id }),
  z.strictObject({
    type: z.literal('redeem-code'),
    requestId,
    host: z.string().max(253),
    code: z.string().max(128),
    nonce: z.string().max(128).describe('value of the nonce cookie of this host'),
  }),
  z.strictObject({
    type: z.literal('end-session'),
    requestId,
    tenantId: id,
    sessionId: id,
    deviceId: id.nullable().optional().describe('of the session, as its certificate proved it; none: a browser'),
    reason: z.literal('signed-out').optional(),
  }),
  z.strictObject({
    type: z.literal('certificate'),
    requestId,
    use: z.enum(['identity', 'doors', 'web', 'inspection']),
    tenantId: id.nullable(),
    csrPem: z.string().max(8192),
  }),
  z.strictObject({
    type: z.literal('renew-connector'),
    requestId,
    tenantId: id,
    connectorId: id,
    csrPem: z.string().max(8192),
  }),
  z.strictObject({
    type: z.literal('renew-device'),
    requestId,
    tenantId: id,
    deviceId: id,
    csrPem: z.string().max(8192),
  }),
  z.strictObject({ type: z.literal('slice'), requestId, tenantId: id, connectorId: id }),
  z.strictObject({
    type: z.literal('connectors'),
    tenantId: id,
    connected: z.array(
      z.strictObject({
        connectorId: id,
        sinceMs: z.number().int(),
        liveFlows: z.number().int(),
        parked: z.number().int(),
        unhealthyApps: z.array(z.strictObject({ appId: id, detail: z.string().max(200) })).max(1000),
      }),
    ),
  }),
  z.strictObject({
    type: z.literal('receipt'),
    tenantId: id,
    sequence: z.number().int().describe('of the change that has taken effect here'),
    cutFlows: z.number().int(),
    atMs: z.number().int(),
  }),
  z.strictObject({
    type: z.literal('live-flows'),
    requestId,
    flows: z.array(liveFlow).max(2000),
    total: z.number().int(),
    sums: z.array(flowSum).max(4000).optional().describe('when they were asked for: instead of single flows'),
  }),
  z.strictObject({ type: z.literal('journal'), batch: z.unknown() }),
])
export type FeedFromExchange = z.infer<typeof feedFromExchange>

export const feedFromControl = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('welcome'),
    version: z.number().int(),
    exchangeId: id,
    domain: z.string(),
    appsDomain: z.string(),
    publicPort: z.number().int().describe('port in URLs shown to people'),
    exchanges: z.array(z.string().max(300)),
    snapshotKeys: z.array(z.string()).min(1).describe('SPKI PEM'),
    statementKeys: z.array(z.string()).min(1).describe('SPKI PEM'),
  }),
  z
    .strictObject({ type: z.literal('exchanges'), exchanges: z.array(z.string().max(300)).max(10_000) })
    .describe('they are others than the welcome said: one came, moved or went'),
  z.strictObject({ type: z.literal('snapshot-root'), token: z.string().max(1_040_000) }),
  z.strictObject({ type: z.literal('snapshot-chunk'), tenantId: id, index: z.number().int(), text: z.string() }),
  z.strictObject({ type: z.literal('delta'), token: z.string().max(1_040_000) }),
  z.strictObject({ type: z.literal('heartbeat'), tokens: z.array(z.string().max(2000)).max(10_000) }),
  z.strictObject({ type: z.literal('tenant-removed'), tenantId: id }),
  z
    .strictObject({ type: z.literal('revoked') })
    .describe('also before any welcome: this exchange is no more; it cuts everything, forgets its tenants and ends'),
  z.strictObject({
    type: z.literal('slice'),
    tenantId: id,
    connectorId: id,
    token: z
      .string()
      .max(1_000_000)
      .nullable()
      .describe('null: there is none; cut the link, lest it go by an older one'),
  }),
  z.strictObject({
    type: z.literal('answer'),
    requestId,
    value: z.unknown().optional().describe('by the type of the request: feedAnswers'),
    fault: z.strictObject({ code: z.string().max(64), message: z.string().max(500) }).optional(),
  }),
  z.strictObject({
    type: z.literal('list-flows'),
    requestId,
    tenantId: id,
    limit: z.number().int().max(2000),
    sums: z.literal(true).optional().describe('sums for each person and app instead of single flows'),
  }),
  z.strictObject({ type: z.literal('journal-ack'), ack: z.unknown() }),
])
export type FeedFromControl = z.infer<typeof feedFromControl>

/** Answers to requests, by the request's type. */
export const feedAnswers = {
  statement: z.strictObject({ token: z.string() }),
  'redeem-code': z.strictObject({ cookie: z.string(), tenantId: id, sessionId: id, expiresAtMs: z.number().int() }),
  'end-session': z.strictObject({ ended: z.boolean() }),
  certificate: z.strictObject({ certificatePem: z.string(), chainPem: z.string(), notAfterMs: z.number().int() }),
  'renew-device': z.strictObject({ certificatePem: z.string() }),
  'renew-connector': z.strictObject({ certificatePem: z.string() }),
  slice: z.strictObject({ token: z.string() }),
} as const
