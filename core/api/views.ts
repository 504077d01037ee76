// What the control API shows of each thing: the replies that several routes share. Secrets never have a view.
import * as z from 'zod'
import { containmentAnswers, containmentScopes, containmentSubjects } from '#core/records/containment.ts'

export const id = z.string().max(64)
export const time = z.iso.datetime().describe('RFC 3339, UTC')
export const seconds = z.number().int().positive()

export const page = z.object({
  limit: z.coerce.number().int().min(1).max(1000).optional().describe('default 100'),
  after: z.string().max(300).optional().describe('cursor of the previous page'),
  // A NUL ends a text for one database and is refused by the other; nobody searches for control characters.
  search: z
    .string()
    .max(200)
    .regex(/^\P{Cc}*$/u, 'no control characters')
    .optional(),
})
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().nullable(), total: z.number().int() })
export const empty = z.object({})

export const resource = z.object({
  kind: z.string(),
  id,
  name: z.string(),
  spec: z.record(z.string(), z.unknown()).describe('as written; write-only fields are left out'),
  version: z.number().int(),
  createdAt: time,
  updatedAt: time,
})
export type Resource = z.infer<typeof resource>

export const tenant = z.object({
  id,
  name: z.string(),
  displayName: z.string(),
  parent: z.string().nullable(),
  status: z.enum(['active', 'suspended']),
  createdAt: time,
})
export type TenantView = z.infer<typeof tenant>

export const session = z.object({
  id,
  user: z.string(),
  userId: id,
  device: z.string().nullable(),
  deviceId: id.nullable(),
  door: z.enum(['browser', 'agent', 'console', 'web']),
  factors: z.array(z.string()),
  ip: z.string(),
  createdAt: time,
  expiresAt: time,
  lastSeenAt: time,
})
export type SessionView = z.infer<typeof session>

export const device = z.object({
  id,
  name: z.string(),
  user: z.string(),
  posture: z.number().int(),
  os: z.string(),
  status: z.enum(['active', 'revoked']),
  certificateUntil: time.nullable(),
  createdAt: time,
  lastSeenAt: time.nullable().describe('within a minute'),
})
export type DeviceView = z.infer<typeof device>

export const connector = z.object({
  id,
  name: z.string(),
  group: z.string(),
  status: z.enum(['active', 'revoked']),
  certificateUntil: time.nullable(),
  createdAt: time,
  lastSeenAt: time.nullable().describe('connected, within a minute'),
  connected: z.array(z.object({ exchangeId: id, since: time, liveFlows: z.number().int(), parked: z.number().int() })),
  unhealthyApps: z.array(z.object({ app: z.string(), detail: z.string() })),
})
export type ConnectorView = z.infer<typeof connector>

export const exchange = z.object({
  id,
  name: z.string(),
  address: z.string(),
  connected: z.boolean(),
  lastSeenAt: time.nullable(),
  software: z.string(),
})
/** One that comes from files or from an ACME authority. */
export const publicCertificate = z.object({
  name: z.string(),
  source: z.enum(['own', 'files', 'acme']),
  until: time.nullable(),
  failures: z.number().int().describe('attempts that failed, in a row'),
  problem: z.string().nullable(),
  nextAttempt: time.nullable(),
})

export type ExchangeView = z.infer<typeof exchange>

export const accessRequest = z.object({
  id,
  user: z.string(),
  app: z.string(),
  reason: z.string(),
  status: z.enum(['open', 'approved', 'refused', 'withdrawn', 'expired']),
  createdAt: time,
  decidedBy: z.string().nullable(),
  decidedAt: time.nullable(),
  accessUntil: time.nullable(),
})
export type AccessRequestView = z.infer<typeof accessRequest>

export const roleName = z.enum(['tenant-admin', 'auditor', 'provider-admin'])
export const administrator = z.object({ user: z.string(), role: roleName, grantedBy: z.string(), createdAt: time })
export const apiToken = z.object({
  id,
  name: z.string(),
  role: roleName,
  createdBy: z.string(),
  createdAt: time,
  expiresAt: time,
  lastUsedAt: time.nullable(),
})
export const enrolmentToken = z.object({
  id,
  use: z.enum(['connector', 'exchange', 'user']),
  target: z.string().describe('connector group, exchange name or user name'),
  createdBy: z.string(),
  createdAt: time,
  expiresAt: time,
  usedAt: time.nullable(),
})
export const containment = z.object({
  id,
  subject: z.object({
    kind: z.enum(containmentSubjects),
    id: z.string(),
    name: z.string(),
  }),
  answer: z.enum(containmentAnswers),
  scope: z.enum(containmentScopes),
  reason: z.string(),
  owner: z.string(),
  createdAt: time,
  expiresAt: time,
})

/** Whether every exchange has told that a change is in force there, and how many flows it cut. */
export const effect = z.object({
  sequence: z.number().int(),
  receipts: z.array(z.object({ exchangeId: id, cutFlows: z.number().int(), at: time })),
  missing: z.array(id).describe('exchanges that have not answered'),
})
export type Effect = z.infer<typeof effect>

export const applyChange = z.object({
  kind: z.string(),
  name: z.string(),
  action: z.enum(['create', 'update', 'delete', 'unchanged']),
  fields: z.array(z.string()).describe('dotted paths that change'),
})

export const storedEvent = z.object({
  cursor: z.string(),
  writer: z.string().describe('whose word it is: `control`, or the id of an exchange and its epoch'),
  event: z.record(z.string(), z.unknown()),
})

export const decisionView = z.object({
  decision: z.enum(['allow', 'deny']),
  reason: z.string().nullable(),
  message: z.string(),
  advice: z.string(),
  policies: z.array(z.object({ id: z.string(), name: z.string(), line: z.number().nullable() })),
  missing: z.array(z.object({ policy: z.string(), conditions: z.array(z.string()) })),
  errors: z.array(z.object({ policy: z.string(), message: z.string() })),
})
