// What a tenant says about the internet besides policy: its own categories of hosts, and how the gateway treats what it
// cannot or should not look into. Must never hold a key or a credential.
import * as z from 'zod'
import { hostName, looseName, portRange } from '#core/names.ts'

const id = z.string().max(64)
const hosts = z.array(hostName).max(5_000)

/** The declarative form: `kind: Category` in YAML. A host stands for itself and everything below it. */
export const categorySpec = z.strictObject({
  displayName: z.string().max(120).optional(),
  description: z.string().max(1000).optional(),
  hosts: hosts.min(1).describe('host names; each stands for itself and everything below it'),
})

export const categoryRecord = z.strictObject({
  kind: z.literal('category'),
  id,
  name: z.string().max(127),
  hosts,
})
export type CategoryRecord = z.infer<typeof categoryRecord>

/** What is not looked into: all that is said in one rule must fit; at least one thing must be said. */
const bypassRule = z
  .strictObject({
    reason: z.string().min(1).max(200).describe('why; shown to people and administrators'),
    hosts: z.array(hostName).max(1000).optional().describe('these and everything below them'),
    categories: z.array(looseName).max(64).optional(),
    users: z.array(looseName).max(256).optional(),
    groups: z.array(looseName).max(64).optional(),
  })
  .refine(({ reason: _reason, ...said }) => Object.values(said).some((list) => list !== undefined && list.length > 0), {
    message: 'name hosts, categories, users or groups: a rule that names nothing would pass everything',
  })

const problemAction = z.enum(['block', 'warn', 'pass'])
const verdictAction = z.enum(['block', 'coach', 'alert', 'pass'])
export type ProblemAction = z.infer<typeof problemAction>
export type VerdictAction = z.infer<typeof verdictAction>

/** A name of the tenant, and the sites where it belongs: elsewhere it is worn by somebody else. */
const brand = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9]{3,40}$/, 'use 3 to 40 lower-case letters and digits, as the name stands in a host')
    .describe('as it stands in hosts, such as acmebank'),
  domains: z.array(hostName).min(1).max(50).describe('where it belongs, such as acme-bank.example'),
})

const whole = {
  brands: z.array(brand).max(50).describe('own names whose look-alikes are looked for in addresses and pages'),
  bypass: z.array(bypassRule).max(200).describe('what is passed without looking into it; counted and journalled'),
  pinnedServices: z.boolean().describe('pass the shipped list of services whose programs refuse interception'),
  pinnedClients: z
    .strictObject({
      learn: z.boolean().describe('pass programs that refuse interception, for a while, where others did not'),
      approved: hosts.describe('sites for which an administrator says yes; each stands for everything below it'),
      megabytes: z.number().int().min(1).max(10_000).describe('of one device to one site until it expires'),
      hours: z.number().int().min(1).max(168).describe('until it expires'),
      owner: z.string().max(200).describe('who answers for what was learned; in the finding'),
    })
    .describe('programs that take no certificate of ours; never for uncategorised, newly seen or risky sites'),
  clientCertificates: z
    .enum(['pass', 'block'])
    .describe('categorised sites that ask for a client certificate: pass without looking into them, or block'),
  dns: z
    .enum(['off', 'prefer', 'require'])
    .describe(
      'names by DNS over HTTPS; prefer: agents ask other resolvers when no exchange answers; require: they do not',
    ),
  addresses: z.enum(['refuse', 'pass']).describe('CONNECT to a bare IP address; what passes is not looked into'),
  ports: z.array(portRange).min(1).max(16).describe('ports that may be reached'),
  certificates: z
    .strictObject({
      expired: problemAction,
      wrongName: problemAction,
      unknownIssuer: problemAction,
      revoked: problemAction.describe('by a stapled response of its issuer or by an imported list'),
    })
    .describe('what becomes of a site whose certificate does not verify'),
  verdicts: z
    .strictObject({
      malicious: verdictAction,
      sensitive: verdictAction,
      unscannable: verdictAction,
      partial: verdictAction,
    })
    .describe('what a verdict leads to; coach: the person may go on after giving a reason'),
  coachSeconds: z.number().int().min(60).max(86_400).describe('how long a "continue" holds for one site'),
  language: z
    .enum(['auto', 'en', 'de', 'fr', 'es'])
    .describe("of pages; auto: the browser's, if there are words in it"),
  contact: z.string().max(200).describe('whom to ask; shown on pages'),
}

/** The declarative form: `kind: WebSettings`, one per tenant, named `default`. What is left out has its default. */
export const webSettingsSpec = z.strictObject({
  ...z.strictObject(whole).partial().shape,
  certificates: whole.certificates.partial().optional(),
  verdicts: whole.verdicts.partial().optional(),
  pinnedClients: whole.pinnedClients.partial().optional(),
})

export const webSettingsRecord = z.strictObject({ kind: z.literal('webSettings'), id, ...whole })
export type WebSettingsRecord = z.infer<typeof webSettingsRecord>
export type WebSettings = Omit<WebSettingsRecord, 'kind' | 'id'>

export const defaultWebSettings: WebSettings = {
  brands: [],
  bypass: [],
  pinnedServices: true,
  pinnedClients: { learn: false, approved: [], megabytes: 50, hours: 24, owner: '' },
  clientCertificates: 'pass',
  dns: 'off',
  addresses: 'refuse',
  ports: ['80', '443'],
  certificates: { expired: 'block', wrongName: 'block', unknownIssuer: 'block', revoked: 'block' },
  verdicts: { malicious: 'block', sensitive: 'block', unscannable: 'block', partial: 'alert' },
  coachSeconds: 3600,
  language: 'auto',
  contact: '',
}

export function webSettingsOf(id: string, spec: z.infer<typeof webSettingsSpec>): WebSettingsRecord {
  const said = Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined))
  return webSettingsRecord.parse({
    ...defaultWebSettings,
    ...said,
    kind: 'webSettings',
    id,
    certificates: { ...defaultWebSettings.certificates, ...spec.certificates },
    verdicts: { ...defaultWebSettings.verdicts, ...spec.verdicts },
    pinnedClients: { ...defaultWebSettings.pinnedClients, ...spec.pinnedClients },
  })
}

/** A credential for the explicit proxy: who holds the secret speaks in the session. The secret itself is nowhere. */
export const webCredentialRecord = z.strictObject({
  kind: z.literal('webCredential'),
  id,
  sessionId: id,
  secretHash: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .describe('base64url SHA-256 of a secret of 256 random bits'),
})
export type WebCredentialRecord = z.infer<typeof webCredentialRecord>
