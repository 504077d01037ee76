// The tables of the store as types, and which of them belong to a tenant. Times are milliseconds since 1970.
// A table that is in neither list cannot be reached by anyone.
import type { ContainmentAnswer, ContainmentScope, ContainmentSubject } from '#core/records/containment.ts'
import type { RiskSubjectKind } from '#core/records/risk.ts'
import { signInTenantTables, type SignInTables } from '#control/sign-in/schema.ts'

type Tenanted = { tenantId: string }

export type CoreTables = {
  // of the provider
  tenants: {
    id: string
    name: string
    displayName: string
    parentId: string | null
    status: 'active' | 'suspended'
    isProvider: number
    createdAtMs: number
  }
  /** SHA-256 of a bearer secret → the tenant to look it up in. Grants nothing by itself. */
  secretIndex: { hash: string; tenantId: string; kind: 'apiToken' | 'enrolmentToken' }
  /** Host names of apps are one name space for all tenants: the first to claim one has it. */
  hosts: { host: string; tenantId: string; appId: string }
  exchanges: {
    id: string
    name: string
    keyThumbprint: string
    status: 'active' | 'revoked'
    address: string
    software: string
    assertionKey: string | null
    /** JSON array of SPKI PEM: keys that signed the journal of this exchange, newest last. */
    journalKeys: string
    /** JSON array of tenant ids; null: every tenant. */
    tenantIds: string | null
    createdAtMs: number
    lastSeenAtMs: number | null
    certificateUntilMs: number | null
  }
  settings: { name: string; value: string }

  // of a tenant
  tenantSettings: Tenanted & { value: string }
  sequences: Tenanted & { lastSequence: number }
  changes: Tenanted & { sequence: number; atMs: number; change: string }
  resources: Tenanted & {
    id: string
    kind: string
    name: string
    spec: string
    version: number
    createdAtMs: number
    updatedAtMs: number
    /** JSON that is expensive to make again: the checked policies of a Policy. */
    derived: string | null
    /** Sealed write-only part: the client secret of an IdentityProvider. */
    sealed: string | null
  }
  /** `declared` ones are written in the user's document, `linked` ones came by an invitation or a first sign-in. */
  identities: Tenanted & { issuer: string; subject: string; userId: string; source: 'declared' | 'linked' }
  devices: Tenanted & {
    id: string
    name: string
    userId: string
    keyThumbprint: string
    posture: 0 | 1 | 2
    os: string
    status: 'active' | 'revoked'
    certificateUntilMs: number | null
    createdAtMs: number
    lastSeenAtMs: number | null
  }
  connectors: Tenanted & {
    id: string
    name: string
    groupId: string
    keyThumbprint: string
    status: 'active' | 'revoked'
    certificateUntilMs: number | null
    createdAtMs: number
    lastSeenAtMs: number | null
  }
  sessions: Tenanted & {
    id: string
    userId: string
    deviceId: string | null
    door: 'browser' | 'agent' | 'console' | 'web'
    factors: string
    ip: string
    createdAtMs: number
    expiresAtMs: number
    lastSeenAtMs: number
    endedAtMs: number | null
    endReason: string | null
    /** The last statement about it that was given out, and the latest end of any; null: none was. */
    statementAtMs: number | null
    statementUntilMs: number | null
    /** When the person last said, with another factor, that this is them. */
    confirmedAtMs: number | null
  }
  enrolmentTokens: Tenanted & {
    id: string
    hash: string
    use: 'connector' | 'exchange'
    target: string
    targetId: string | null
    createdBy: string
    createdAtMs: number
    expiresAtMs: number
    usedAtMs: number | null
  }
  webCredentials: Tenanted & { id: string; sessionId: string; hash: string; name: string }
  apiTokens: Tenanted & {
    id: string
    hash: string
    name: string
    role: RoleName
    createdBy: string
    createdAtMs: number
    expiresAtMs: number
    lastUsedAtMs: number | null
  }
  roles: Tenanted & { userId: string; role: RoleName; grantedBy: string; createdAtMs: number }
  accessRequests: Tenanted & {
    id: string
    userId: string
    appId: string
    reason: string
    status: 'open' | 'approved' | 'refused' | 'withdrawn' | 'expired'
    createdAtMs: number
    decidedBy: string | null
    decidedAtMs: number | null
    accessUntilMs: number | null
  }
  approvals: Tenanted & {
    id: string
    userId: string
    appId: string
    approvedBy: string
    requestId: string | null
    createdAtMs: number
    expiresAtMs: number
  }
  containments: Tenanted & {
    id: string
    subjectKind: ContainmentSubject
    subjectId: string
    subjectName: string
    answer: ContainmentAnswer
    scope: ContainmentScope
    reason: string
    ownerId: string
    createdAtMs: number
    expiresAtMs: number
  }
  stories: Tenanted & {
    id: string
    subjectKind: 'user' | 'other'
    subjectId: string
    subjectName: string
    kind: string
    level: 'note' | 'ask' | 'step-up' | 'restrict' | 'cut' | 'contain'
    score: number
    firstMs: number
    noticedMs: number
    sentence: string
    /** JSON array of event uids. */
    events: string
    state: 'open' | 'taken' | 'closed'
    /** JSON array of {by, at, text}. */
    notes: string
    takenBy: string | null
    verdict: 'true' | 'expected' | 'odd' | 'drill' | null
    containmentId: string | null
  }
  risks: Tenanted & {
    subjectKind: RiskSubjectKind
    subjectId: string
    points: number
    atMs: number
    /** JSON array of {points, sentence, timeMs, eventId}. */
    parts: string
  }
  /** What was said to be expected: detection tells no story of this kind about this subject until it ends. */
  storyExceptions: Tenanted & {
    id: string
    subjectId: string
    subjectName: string
    kind: string
    reason: string
    createdBy: string
    createdAtMs: number
    expiresAtMs: number
  }
  drills: Tenanted & {
    id: string
    /** The ledger, sealed: nothing else tells a drill's identities from anybody's. */
    sealed: string
    startedBy: string
    startedAtMs: number
    endsAtMs: number
    aliveAtMs: number
    endedAtMs: number | null
    endReason: string | null
    restored: number | null
    /** JSON. */
    report: string | null
  }
  /** Expectations that drills did not meet. */
  drillGaps: Tenanted & {
    id: string
    scenario: string
    expectation: string
    measured: string
    ownerId: string
    drillId: string
    failures: number
    openedAtMs: number
    closedAtMs: number | null
  }
  /** At most one row for each tenant. */
  drillSchedules: Tenanted & {
    everySeconds: number
    /** JSON array of names. */
    scenarios: string
    setBy: string
    nextAtMs: number
    failure: string | null
  }
  playbookRuns: Tenanted & {
    id: string
    playbook: string
    /** JSON of the spec that it began with. */
    spec: string
    incidentId: string
    /** The user of the story. */
    userId: string | null
    state: 'running' | 'waiting' | 'asking' | 'done' | 'stopped' | 'failed'
    step: string
    stepsDone: number
    dueAtMs: number
    question: string | null
    startedAtMs: number
    endedAtMs: number | null
    why: string | null
  }
  /** How far each event stream has come; `cursor` is of the journal. */
  streamCursors: Tenanted & {
    streamId: string
    cursor: string
    sent: number
    /** Events that the journal let go of before they were sent. */
    lost: number
    sentAtMs: number | null
    failure: string | null
    failingSinceMs: number | null
  }
  incidents: Tenanted & {
    id: string
    title: string
    severity: 'low' | 'medium' | 'high' | 'critical'
    state: 'open' | 'taken' | 'contained' | 'recovered' | 'closed'
    openedBy: string
    openedAtMs: number
    /** From when on events belong on its timeline. */
    fromMs: number
    takenBy: string | null
    closedAtMs: number | null
    cause: 'attack' | 'misuse' | 'mistake' | 'expected' | 'false-alarm' | 'drill' | 'unknown' | null
    causeText: string
  }
  /** What an incident is about: one row a thing. */
  incidentLinks: Tenanted & {
    incidentId: string
    kind: 'story' | ContainmentSubject | 'event' | 'containment'
    refId: string
    name: string
    atMs: number
  }
  /** What people and playbooks did about it, in order; nothing is ever changed or removed. */
  incidentEntries: Tenanted & {
    id: string
    incidentId: string
    atMs: number
    by: string
    kind: string
    text: string
  }
  /** One for each change of policies or their tests, counted from 1. */
  policyVersions: Tenanted & {
    version: number
    atMs: number
    /** Name of who asked; `sallyport` for what it did by itself. */
    by: string
    why: string | null
    /** Name of the second administrator, when the change opened something. */
    approvedBy: string | null
    /** The version whose state this one brought back. */
    restores: number | null
    /** Of all its changes together. */
    bytes: number
  }
  /** The documents that a version changed: JSON of the spec before and after; null: there was, or is, none. */
  policyChanges: Tenanted & { version: number; kind: string; name: string; before: string | null; after: string | null }
  /** Private keys, sealed under the key-encryption key. Those of the provider belong to its tenant. */
  keys: Tenanted & {
    id: string
    purpose: string
    sealed: string
    publicPem: string
    createdAtMs: number
    retiredAtMs: number | null
  }
}

export type RoleName = 'tenant-admin' | 'auditor' | 'provider-admin'

export type Database = CoreTables & SignInTables
export type TableName = keyof Database
/** Tables with a tenant column, apart from those indexes of the provider that name a tenant without being its data. */
export type TenantTable = {
  [T in TableName]: Database[T] extends Tenanted ? (T extends 'secretIndex' | 'hosts' ? never : T) : never
}[TableName]
export type ProviderTable = Exclude<TableName, TenantTable>

const coreTenantTables = [
  'tenantSettings',
  'sequences',
  'changes',
  'resources',
  'identities',
  'devices',
  'connectors',
  'sessions',
  'enrolmentTokens',
  'webCredentials',
  'apiTokens',
  'roles',
  'accessRequests',
  'approvals',
  'containments',
  'stories',
  'risks',
  'storyExceptions',
  'drillGaps',
  'drillSchedules',
  'drills',
  'incidentEntries',
  'incidentLinks',
  'incidents',
  'streamCursors',
  'playbookRuns',
  'policyChanges',
  'policyVersions',
  'keys',
] as const satisfies readonly (keyof CoreTables & TenantTable)[]

/** In the order in which a tenant's rows may be deleted. */
export const tenantTables: readonly string[] = [...signInTenantTables, ...coreTenantTables]

export const providerTables: readonly string[] = [
  'tenants',
  'secretIndex',
  'hosts',
  'exchanges',
  'settings',
] satisfies readonly (keyof CoreTables & ProviderTable)[]
