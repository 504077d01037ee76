// What control tells exchanges about a tenant: the records that snapshots and deltas are made of.
// Must never hold a secret: an exchange that is stolen must not reveal passwords, tokens or private keys.
import * as z from 'zod'
import { appRecord } from './app.ts'
import { containmentRecord } from './containment.ts'
import { categoryRecord, webCredentialRecord, webSettingsRecord } from './outbound.ts'
import { riskRecord } from './risk.ts'

const id = z.string().max(64)
const name = z.string().max(127)
const timeMs = z.number().int().nonnegative().describe('milliseconds since 1970-01-01T00:00:00Z')

export const tenantRecord = z.strictObject({
  kind: z.literal('tenant'),
  id,
  name,
  displayName: z.string().max(120),
  parentId: id.nullable(),
  status: z.enum(['active', 'suspended']),
  identityCaPem: z
    .array(z.string())
    .min(1)
    .describe('authorities of device and connector certificates; several during rotation'),
  staleAfterSeconds: z.number().int().positive().describe('how long an exchange decides without news from control'),
  sessionSeconds: z.number().int().positive(),
  explain: z.enum(['full', 'reason', 'none']).describe('how much of a denial the person sees'),
  journalMandatory: z.boolean().describe('deny when events cannot be written'),
})
export type TenantRecord = z.infer<typeof tenantRecord>

export const userRecord = z.strictObject({
  kind: z.literal('user'),
  id,
  name,
  displayName: z.string().max(200),
  email: z.string().max(320).nullable(),
  groupIds: z.array(id),
  organisationId: id.nullable().describe('set: a third party, bound by the contract of the organisation'),
  status: z.enum(['active', 'disabled']),
})
export type UserRecord = z.infer<typeof userRecord>

export const groupRecord = z.strictObject({ kind: z.literal('group'), id, name, parentIds: z.array(id) })
export type GroupRecord = z.infer<typeof groupRecord>

export const appGroupRecord = z.strictObject({ kind: z.literal('appGroup'), id, name })
export type AppGroupRecord = z.infer<typeof appGroupRecord>

/** A third-party organisation: nothing outside its window and its apps, whatever policy says. */
export const organisationRecord = z.strictObject({
  kind: z.literal('organisation'),
  id,
  name,
  displayName: z.string().max(120),
  sponsorId: id,
  fromMs: timeMs,
  untilMs: timeMs,
  appIds: z.array(id),
})
export type OrganisationRecord = z.infer<typeof organisationRecord>

export const deviceRecord = z.strictObject({
  kind: z.literal('device'),
  id,
  name,
  userId: id,
  keyThumbprint: z.string().describe('base64url SHA-256 of the SubjectPublicKeyInfo'),
  posture: z.union([z.literal(0), z.literal(1), z.literal(2)]).describe('0 unknown, 1 registered, 2 managed'),
  os: z.string().max(64),
  status: z.enum(['active', 'revoked']),
})
export type DeviceRecord = z.infer<typeof deviceRecord>

export const sessionRecord = z.strictObject({
  kind: z.literal('session'),
  id,
  userId: id,
  deviceId: id.nullable(),
  door: z.enum(['browser', 'agent', 'web']),
  factors: z.array(z.string().max(32)).describe('RFC 8176 authentication method references'),
  createdAtMs: timeMs,
  expiresAtMs: timeMs,
  confirmedAtMs: timeMs.optional().describe('when the person last said, with another factor, that this is them'),
})
export type SessionRecord = z.infer<typeof sessionRecord>

export const connectorGroupRecord = z.strictObject({ kind: z.literal('connectorGroup'), id, name })
export type ConnectorGroupRecord = z.infer<typeof connectorGroupRecord>

export const connectorRecord = z.strictObject({
  kind: z.literal('connector'),
  id,
  name,
  groupId: id,
  keyThumbprint: z.string(),
  status: z.enum(['active', 'revoked']),
})
export type ConnectorRecord = z.infer<typeof connectorRecord>

export const policyRecord = z.strictObject({
  kind: z.literal('policy'),
  id,
  name,
  line: z.number().int().nullable().describe('line of the policy in the document that it came from'),
  text: z.string().max(65_536),
  est: z.unknown().describe("Cedar's JSON form of exactly one policy"),
})
export type PolicyRecord = z.infer<typeof policyRecord>

/** A request for access that somebody entitled said yes to. */
export const approvalRecord = z.strictObject({
  kind: z.literal('approval'),
  id,
  userId: id,
  appId: id,
  approvedBy: id,
  expiresAtMs: timeMs,
})
export type ApprovalRecord = z.infer<typeof approvalRecord>

export const record = z.discriminatedUnion('kind', [
  tenantRecord,
  userRecord,
  groupRecord,
  appGroupRecord,
  organisationRecord,
  deviceRecord,
  sessionRecord,
  connectorGroupRecord,
  connectorRecord,
  appRecord,
  policyRecord,
  approvalRecord,
  containmentRecord,
  categoryRecord,
  webSettingsRecord,
  webCredentialRecord,
  riskRecord,
])
export type TenantRecords = z.infer<typeof record>
export type RecordKind = TenantRecords['kind']
export const recordKinds = record.options.map((option) => option.shape.kind.value)

/** One change to a tenant's records. */
export const change = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('put'), record }),
  z.strictObject({ op: z.literal('remove'), kind: z.enum(recordKinds), id }),
])
export type Change = z.infer<typeof change>
