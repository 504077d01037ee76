// Opening a flow: the question an agent asks at the agent door (`POST /v1/flows`, JSON) and its answer.
import * as z from 'zod'

export const FLOWS_PATH = '/v1/flows'
export const WHOAMI_PATH = '/v1/whoami'
export const SIGN_OUT_PATH = '/v1/sign-out'
/** DNS over HTTPS (RFC 8484), on the agent door and the explicit proxy. */
export const DNS_PATH = '/dns-query'

export const openFlow = z.strictObject({
  host: z.string().min(1).max(253).describe('name the person asked for, lower case'),
  port: z.number().int().min(1).max(65_535),
})
export type OpenFlow = z.infer<typeof openFlow>

const denial = z.strictObject({
  reason: z.string().max(64),
  message: z.string().max(2000),
  advice: z.string().max(2000),
  requestAccessUrl: z.string().max(500).nullable(),
})
export type Denial = z.infer<typeof denial>

export const flowAnswer = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('sealed'),
    flowId: z.string().max(64),
    ticketHost: z.string().max(253).describe('SNI to dial the exchange with; single use, seconds'),
    connectorUri: z.string().max(300).describe('identity URI that the certificate of the other end must carry'),
    expiresInMs: z.number().int(),
  }),
  z
    .strictObject({
      kind: z.literal('inspected'),
      connected: z
        .boolean()
        .optional()
        .describe('false: no connector of the app is here; another exchange may have one'),
    })
    .describe('use CONNECT on the agent door'),
  z.strictObject({ kind: z.literal('denied'), denial }),
  z.strictObject({ kind: z.literal('unknown') }).describe('no app of the tenant has this name and port'),
])
export type FlowAnswer = z.infer<typeof flowAnswer>

/** What the agent needs to set up its local doors: names only, never addresses behind connectors. */
export const whoami = z.strictObject({
  tenant: z.string(),
  tenantId: z.string(),
  user: z.string(),
  device: z.string(),
  sessionExpiresAtMs: z.number().int(),
  exchanges: z.array(z.string()),
  web: z
    .strictObject({
      direct: z.array(z.string().max(253)).max(1000),
      dns: z.enum(['prefer', 'require']).optional().describe('present: names are asked of the exchange'),
    })
    .optional()
    .describe('present: the internet goes through the exchange too, but for these names and what is below them'),
  apps: z.array(
    z.strictObject({
      name: z.string(),
      displayName: z.string(),
      appKind: z.enum(['http', 'tcp']),
      allowed: z.boolean().describe('by policy at this moment, for a plain connection or GET /'),
      reason: z.string().nullable(),
      names: z.array(z.strictObject({ host: z.string(), ports: z.array(z.string()) })),
    }),
  ),
})
export type Whoami = z.infer<typeof whoami>

/** Answer to `POST /v1/sign-out`; without a live session the answer is 401, as to every question. */
export const signedOut = z.strictObject({ ended: z.boolean() })
