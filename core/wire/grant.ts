// Statement and grant: how a connector knows that the person is real and the flow is meant for it.
// Both are signed tokens (transport/signed-token.ts): the statement by control, the grant by the exchange.
import * as z from 'zod'

export const STATEMENT_PURPOSE = 'statement'
export const GRANT_PURPOSE = 'grant'
export const HOST_COOKIE_PURPOSE = 'host-cookie'

const id = z.string().max(64)

/** Control’s word that a session of a user on a device key exists. Valid for minutes. */
export const statement = z.strictObject({
  tenantId: id,
  sessionId: id,
  userId: id,
  userName: z.string().max(127),
  deviceId: id.nullable(),
  deviceKeyThumbprint: z.string().max(64).nullable().describe('null: a browser session; only inspected flows'),
  issuedAtMs: z.number().int(),
  expiresAtMs: z.number().int(),
})
export type Statement = z.infer<typeof statement>

/** The exchange's permission for one flow, usable once. */
export const grant = z.strictObject({
  flowId: id,
  nonce: z.string().min(22).max(64),
  tenantId: id,
  exchangeId: id,
  connectorId: id,
  appId: id,
  port: z.number().int().min(1).max(65_535).describe('the port the person asked for'),
  peer: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('device'), keyThumbprint: z.string().max(64) }),
      z.strictObject({ kind: z.literal('exchange'), keyThumbprint: z.string().max(64) }),
    ])
    .describe('whose certificate must be at the other end of the TLS connection'),
  expiresAtMs: z.number().int(),
  statement: z.string().max(4096).describe('signed statement of control'),
})
export type Grant = z.infer<typeof grant>

/** What a browser carries for one app host: names the session, never grants anything by itself. */
export const hostCookie = z.strictObject({
  tenantId: id,
  sessionId: id,
  host: z.string().max(253),
  issuedAtMs: z.number().int(),
  expiresAtMs: z.number().int(),
})
export type HostCookie = z.infer<typeof hostCookie>
