// What control is told at its start. Unknown keys refuse to start. Must never take a secret in the configuration
// itself: keys are named by file or environment variable.
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import { hostName } from '#core/names.ts'
import { addressList } from '#transport/address-list.ts'

const path = z.string().min(1).max(4096)
const port = z.number().int().min(0).max(65_535)

export const controlConfig = z.strictObject({
  dataFolder: path.describe('folder for the store, the journal and the key file; made when missing'),
  domain: hostName.describe('the provider’s domain: console.<domain>, id.<domain>, <tenant>.<domain> …'),
  appsDomain: hostName.describe('another registrable domain, only for apps'),
  publicPort: port.min(1).describe('port in URLs shown to people'),
  listen: z.strictObject({
    host: z.string().max(253).describe('address to listen on; control is private, so usually a loopback address'),
    port: port.describe('0: any free port'),
  }),
  store: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('sqlite'), path: path.optional().describe('default <dataFolder>/control.db') }),
      z.strictObject({
        kind: z.literal('postgres'),
        urlFromEnvironment: z.string().max(100).describe('name of the variable that holds the URL'),
      }),
    ])
    .optional()
    .describe('default SQLite'),
  keyEncryptionKey: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('file'), path: path.optional().describe('default <dataFolder>/kek') }),
      z.strictObject({ kind: z.literal('environment'), name: z.string().max(100).describe('32 bytes in base64url') }),
    ])
    .optional()
    .describe('default a file of mode 0600, made at first start'),
  relays: z
    .array(z.string().max(64))
    .max(64)
    .optional()
    .describe('addresses and networks of exchanges and balancers that send a PROXY v2 header; default none'),
  receivers: z
    .array(z.string().max(64))
    .max(64)
    .optional()
    .describe('inside addresses and networks that tenants may send events to; default none, only public ones'),
  web: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('own') }).describe('certificates of the web CA'),
      z
        .strictObject({ kind: z.literal('files'), certificateFile: path, keyFile: path })
        .describe('PEM files for *.<domain>, read again when they change'),
      z
        .strictObject({
          kind: z.literal('acme'),
          directory: z
            .url({ protocol: /^https$/ })
            .max(500)
            .describe('directory of the authority, such as https://acme-v02.api.letsencrypt.org/directory'),
          agreeToTerms: z.literal(true).describe('that the operator has read and agreed to its terms'),
          email: z.email().max(254).optional().describe('where it may write before something ends'),
          challenge: z
            .enum(['tls-alpn-01', 'dns-01'])
            .describe('tls-alpn-01: answered at the public port, one certificate a name; dns-01: one for *.<domain>'),
          hook: path.optional().describe('dns-01: program called as `add NAME VALUE` and `remove NAME VALUE`'),
          caFile: path.optional().describe('PEM of the authority behind the directory, where it is not a public one'),
          externalAccount: z
            .strictObject({
              keyId: z.string().min(1).max(300),
              hmacFromEnvironment: z.string().max(100).describe('name of the variable that holds the key'),
            })
            .optional()
            .describe('external account binding, where the authority asks for it'),
        })
        .refine(({ challenge, hook }) => (challenge === 'dns-01') === (hook !== undefined), {
          message: 'a hook goes with dns-01, and dns-01 with a hook',
        })
        .describe('certificates from an ACME authority (RFC 8555)'),
    ])
    .optional()
    .describe('default own'),
  consoleFolder: path.optional().describe('folder of the built console'),
  feedAddress: z.string().max(300).optional().describe('host:port where exchanges dial the feed'),
  administrator: z.string().max(127).optional().describe('name of the first provider administrator; default admin'),
  software: z.string().max(64).optional().describe('version shown by health'),
})
export type ControlConfig = z.infer<typeof controlConfig>

/** Throws Fault `configuration-invalid` naming the key. */
export function parseControlConfig(value: unknown): ControlConfig {
  const parsed = controlConfig.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const keys = issue?.code === 'unrecognized_keys' ? ` (${issue.keys.join(', ')})` : ''
    throw new Fault('configuration-invalid', { hint: `control.${issue?.path.join('.')}: ${issue?.message}${keys}` })
  }
  const { domain, appsDomain, relays, receivers } = parsed.data
  // A host of an app must never be a host of ours, nor share its cookies.
  if (domain === appsDomain || domain.endsWith(`.${appsDomain}`) || appsDomain.endsWith(`.${domain}`))
    throw new Fault('configuration-invalid', { hint: 'appsDomain must be apart from domain.' })
  addressList([...(relays ?? []), ...(receivers ?? [])])
  return parsed.data
}
