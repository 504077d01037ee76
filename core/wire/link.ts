// The connector link: control stream between a connector and an exchange (framed JSON over mutual TLS).
import * as z from 'zod'

/** Highest first. Both sides name what they speak; the highest in common is used. */
export const LINK_VERSIONS = [1] as const

const id = z.string().max(64)
const code = z.string().max(64)

export const linkFromConnector = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    versions: z.array(z.number().int()).min(1).max(16),
    software: z.string().max(64),
  }),
  z.strictObject({ type: z.literal('flow-accepted'), flowId: id }),
  z
    .strictObject({
      type: z.literal('flow-opened'),
      flowId: id,
      handshakeMs: z.number().nonnegative().max(600_000),
      appMs: z.number().nonnegative().max(600_000),
    })
    .describe('how long the other end took to prove itself, and the app to answer; for people who ask why it is slow'),
  z.strictObject({ type: z.literal('flow-refused'), flowId: id, code, message: z.string().max(300) }),
  z.strictObject({
    type: z.literal('health'),
    apps: z.array(z.strictObject({ appId: id, healthy: z.boolean(), detail: z.string().max(200) })).max(10_000),
    liveFlows: z.number().int().nonnegative(),
  }),
  z.strictObject({ type: z.literal('renew'), requestId: z.number().int(), csrPem: z.string().max(8192) }),
  z.strictObject({ type: z.literal('draining') }),
])
export type LinkFromConnector = z.infer<typeof linkFromConnector>

export const linkFromExchange = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('welcome'),
    version: z.number().int(),
    exchangeId: id,
    exchanges: z
      .array(z.string().max(300))
      .max(64)
      .describe('addresses host:port of all exchanges that serve the tenant'),
  }),
  z
    .strictObject({ type: z.literal('exchanges'), exchanges: z.array(z.string().max(300)).max(64) })
    .describe('they are others than the welcome said'),
  z.strictObject({ type: z.literal('slice'), token: z.string().max(1_000_000) }),
  z.strictObject({
    type: z.literal('park'),
    tokens: z.array(z.string().max(100)).max(64),
    expiresInMs: z.number().int(),
  }),
  z.strictObject({ type: z.literal('offer'), parkToken: z.string().max(100), grant: z.string().max(8192) }),
  z.strictObject({ type: z.literal('cut'), flowIds: z.array(id).max(10_000), reason: z.string().max(64) }),
  z.strictObject({
    type: z.literal('renewed'),
    requestId: z.number().int(),
    certificatePem: z.string().max(65_536).nullable(),
    code: code.optional(),
  }),
  z.strictObject({ type: z.literal('draining') }),
])
export type LinkFromExchange = z.infer<typeof linkFromExchange>

/**
 * First line inside a flow, from the connector to its peer, after the TLS handshake: one JSON object, `\n` at
 * its end, at most MAX_FLOW_STATUS_BYTES. Bytes of the app follow only after `{"status":"open"}`.
 */
export const MAX_FLOW_STATUS_BYTES = 1024
export const flowStatus = z.discriminatedUnion('status', [
  z.strictObject({ status: z.literal('open') }),
  z.strictObject({ status: z.literal('failed'), code, message: z.string().max(300) }),
])
export type FlowStatus = z.infer<typeof flowStatus>
