// What an app is, as people declare it and as exchanges and connectors see it.
// Must never hold a credential: upstream secrets stay with the connector.
import * as z from 'zod'
import { hostName, hostPattern, labelName, looseName, portRange } from '#core/names.ts'

const httpToken = z.string().regex(/^[A-Z]{1,20}$/, 'use an HTTP method in capitals')
const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'not a header name')
// RFC 9110 field-value: visible characters, space and tab; never CR, LF or NUL.
const headerValue = z
  .string()
  .max(4096)
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'not a header value')

/** One rule on method and path; the first that matches decides; none matching means allowed. */
export const pathRule = z.strictObject({
  allow: z.boolean(),
  methods: z.array(httpToken).max(16).optional().describe('default: every method'),
  path: z
    .string()
    .regex(/^\/[^?#\s]*$/, 'begin with /; no ?, # or space')
    .max(1024)
    .describe('a path; a trailing /* covers everything below it'),
})
export type PathRule = z.infer<typeof pathRule>

/** As exchanges read them; they leave out by themselves what `ruledHeader` would refuse. */
const headerRules = z.strictObject({
  set: z
    .record(headerName, headerValue)
    .refine((set) => Object.keys(set).length <= 64, 'at most 64 headers')
    .optional(),
  remove: z.array(headerName).max(64).optional(),
})

/** Framing and routing belong to one connection, cookies to whoever sets them, and our names to us. */
const notByRule =
  /^(connection|keep-alive|te|trailer|transfer-encoding|upgrade|http2-settings|proxy-.*|host|content-length|expect|(x-)?sallyport-.*|set-cookie)$/i
const ruledHeader = headerName.refine((name) => !notByRule.test(name), 'not a header that rules may change')

/** As people write them. */
const headerRulesSpec = z.strictObject({
  set: z.record(ruledHeader, headerValue).optional(),
  remove: z.array(ruledHeader).max(64).optional(),
})

export const upstreamTls = z.strictObject({
  serverName: hostName.optional().describe('name to verify; default: the upstream host'),
  ca: z.string().max(16_384).optional().describe('PEM certificates to trust instead of the system roots'),
  insecureSkipVerify: z.boolean().optional().describe('do not verify the certificate; warned about at every start'),
})

/** As connectors resolve it: also capitals and `_`, which inner names have; never anything that ends a header line. */
const upstreamName = z
  .string()
  .max(253)
  .regex(
    /^(?=.*[A-Za-z])[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/,
    'use a host name or an IP address',
  )
const upstreamHost = z.union([upstreamName, z.ipv4(), z.ipv6()], { error: 'use a host name or an IP address' })

export const upstream = z.strictObject({
  host: upstreamHost.describe('host name or IP address, as the connector sees it'),
  port: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe('default: the port the person asked for (tcp), 80 or 443 (http)'),
  tls: upstreamTls.optional().describe('present: the connector speaks TLS to the app'),
})

export const healthCheck = z.strictObject({
  kind: z.enum(['tcp', 'http', 'none']),
  path: z.string().max(1024).optional().describe('http: the path to GET; a status below 500 is healthy'),
  intervalSeconds: z.number().int().min(5).max(3600).optional().describe('default 30 s'),
})

export const appNames = z.strictObject({
  host: hostPattern,
  ports: z.array(portRange).min(1).max(32),
})

/** The declarative form: `kind: App` in YAML. */
export const appSpec = z.strictObject({
  displayName: z.string().max(120).optional(),
  description: z.string().max(1000).optional(),
  owner: looseName.optional().describe('user who approves requests for access'),
  kind: z.enum(['http', 'tcp']).describe('http: decided request by request; tcp: decided per connection'),
  connectorGroup: labelName,
  groups: z.array(labelName).max(32).optional().describe('app groups it belongs to'),
  enabled: z.boolean().optional().describe('default true'),
  decoy: z
    .boolean()
    .optional()
    .describe('nobody has a reason to open it: any attempt is a story; known to detection alone; default false'),
  browser: z
    .strictObject({
      enabled: z.boolean(),
      host: hostName.optional().describe("default: <app>.<tenant>.<appsDomain>; a tenant's own host otherwise"),
    })
    .optional()
    .describe('http only: reachable in a plain browser; default enabled'),
  names: z.array(appNames).max(32).optional().describe('names and ports by which agents reach it'),
  upstream,
  inspect: z.boolean().optional().describe('tcp only: end the sealed flow at the exchange; default false'),
  http: z
    .strictObject({
      rules: z.array(pathRule).max(200).optional(),
      hostHeader: z
        .enum(['preserve', 'rewrite'])
        .optional()
        .describe('rewrite (default): the upstream sees its own host'),
      rewriteLocation: z.boolean().optional().describe('default true'),
      rewriteOrigin: z.boolean().optional().describe('default true when hostHeader is rewrite'),
      requestHeaders: headerRulesSpec.optional(),
      responseHeaders: headerRulesSpec.optional(),
      webSocket: z.boolean().optional().describe('default true'),
    })
    .optional(),
  health: healthCheck.optional(),
})

/** The form in snapshots: defaults filled in, names resolved to ids. */
export const appRecord = z.strictObject({
  kind: z.literal('app'),
  id: z.string(),
  name: z.string(),
  displayName: z.string(),
  ownerId: z.string().nullable(),
  appKind: z.enum(['http', 'tcp']),
  connectorGroupId: z.string(),
  groupIds: z.array(z.string()),
  enabled: z.boolean(),
  browserHost: z.string().nullable().describe('lower case, without port; null: not reachable without an agent'),
  names: z.array(appNames),
  upstream,
  inspect: z.boolean(),
  http: z.strictObject({
    rules: z.array(pathRule),
    hostHeader: z.enum(['preserve', 'rewrite']),
    rewriteLocation: z.boolean(),
    rewriteOrigin: z.boolean(),
    requestHeaders: headerRules,
    responseHeaders: headerRules,
    webSocket: z.boolean(),
  }),
  health: healthCheck,
})
export type AppRecord = z.infer<typeof appRecord>
