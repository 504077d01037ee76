// Rows of the store to the records that exchanges get. Must never put anything into a record that is a secret: specs
// of identity providers, hashes and sealed texts have no record at all.
import type { Selectable } from 'kysely'
import { Fault } from '#core/fault.ts'
import type { ContainmentRecord } from '#core/records/containment.ts'
import { RISK_HALF_LIFE_MS, riskRecordId, type RiskRecord } from '#core/records/risk.ts'
import type { AppRecord } from '#core/records/app.ts'
import { webSettingsOf, type WebCredentialRecord } from '#core/records/outbound.ts'
import type {
  ApprovalRecord,
  ConnectorRecord,
  DeviceRecord,
  PolicyRecord,
  SessionRecord,
  TenantRecord,
  TenantRecords,
} from '#core/records/records.ts'
import { resourceKinds, type ResourceKind, type ResourceSpec, type TenantSettings } from '#core/resources/kinds.ts'
import type { CoreTables } from '#control/store/schema.ts'

export type Row<T extends keyof CoreTables> = Selectable<CoreTables[T]>

/** The id of the resource of that kind and name. Throws Fault `reference-unknown`. */
export type Resolve = (kind: ResourceKind, name: string) => string

export type RecordNames = {
  readonly resolve: Resolve
  readonly tenantName: string
  readonly appsDomain: string
}

export function tenantRecord(
  tenant: Row<'tenants'>,
  settings: TenantSettings,
  identityCaPem: readonly string[],
): TenantRecord {
  return {
    kind: 'tenant',
    id: tenant.id,
    name: tenant.name,
    displayName: tenant.displayName,
    parentId: tenant.parentId,
    status: tenant.status,
    identityCaPem: [...identityCaPem],
    staleAfterSeconds: settings.staleAfterSeconds,
    sessionSeconds: settings.sessionSeconds,
    explain: settings.explain,
    journalMandatory: settings.journalMandatory,
  }
}

/** The records of one resource: none for identity providers, several for a policy document. */
export function resourceRecords(row: Row<'resources'>, names: RecordNames): TenantRecords[] {
  const { id, name } = row
  const { resolve } = names
  switch (kindOf(row)) {
    case 'Group': {
      const spec = specOf('Group', row)
      return [{ kind: 'group', id, name, parentIds: (spec.parents ?? []).map((parent) => resolve('Group', parent)) }]
    }
    case 'User': {
      const spec = specOf('User', row)
      return [
        {
          kind: 'user',
          id,
          name,
          displayName: spec.displayName ?? name,
          email: spec.email ?? null,
          groupIds: (spec.groups ?? []).map((group) => resolve('Group', group)),
          organisationId: spec.organisation === undefined ? null : resolve('Organisation', spec.organisation),
          status: spec.status ?? 'active',
        },
      ]
    }
    case 'Organisation': {
      const spec = specOf('Organisation', row)
      return [
        {
          kind: 'organisation',
          id,
          name,
          displayName: spec.displayName ?? name,
          sponsorId: resolve('User', spec.sponsor),
          fromMs: Date.parse(spec.from),
          untilMs: Date.parse(spec.until),
          appIds: spec.apps.map((app) => resolve('App', app)),
        },
      ]
    }
    case 'ConnectorGroup':
      return [{ kind: 'connectorGroup', id, name }]
    case 'AppGroup':
      return [{ kind: 'appGroup', id, name }]
    case 'App':
      return [appRecord(row, specOf('App', row), names)]
    case 'Category':
      return [{ kind: 'category', id, name, hosts: specOf('Category', row).hosts }]
    case 'WebSettings':
      return [webSettingsOf(id, specOf('WebSettings', row))]
    case 'Policy':
      return policyRecords(row)
    case 'PolicyTest':
    case 'IdentityProvider':
    case 'Playbook':
    case 'EventStream':
      return []
  }
}

export function kindOf(row: Pick<Row<'resources'>, 'kind'>): ResourceKind {
  if (Object.hasOwn(resourceKinds, row.kind)) return row.kind as ResourceKind
  throw new Fault('store-failed', { detail: { why: 'unknown kind', kind: row.kind } })
}

/**
 * The stored spec. It was validated when it was written; parsing again guards against rows of another version. A limit
 * that came later holds for what is written from then on: one old row must not make its whole tenant unreadable.
 */
export function specOf<K extends ResourceKind>(kind: K, row: Pick<Row<'resources'>, 'spec'>): ResourceSpec<K> {
  const stored: unknown = JSON.parse(row.spec)
  const parsed = resourceKinds[kind].spec.safeParse(stored)
  if (parsed.success) return parsed.data as ResourceSpec<K>
  if (parsed.error.issues.every(isAboutSize)) return stored as ResourceSpec<K>
  throw new Fault('store-failed', { detail: { why: 'a stored spec', kind }, cause: parsed.error })
}

/** The schemas change nothing that they read, so what differs in size only is what they would have given. */
function isAboutSize({ code }: { readonly code?: string | undefined }): boolean {
  return code === 'too_big' || code === 'too_small'
}

/** `<app>.<tenant>.<appsDomain>`, the tenant's own host, or null where a browser cannot go. */
export function browserHostOf(
  name: string,
  spec: ResourceSpec<'App'>,
  names: Pick<RecordNames, 'tenantName' | 'appsDomain'>,
): string | null {
  if (spec.kind !== 'http' || spec.browser?.enabled === false) return null
  return spec.browser?.host ?? `${name}.${names.tenantName}.${names.appsDomain}`
}

function appRecord(row: Row<'resources'>, spec: ResourceSpec<'App'>, names: RecordNames): AppRecord {
  const { resolve } = names
  const http = spec.http ?? {}
  const hostHeader = http.hostHeader ?? 'rewrite'
  return {
    kind: 'app',
    id: row.id,
    name: row.name,
    displayName: spec.displayName ?? row.name,
    ownerId: spec.owner === undefined ? null : resolve('User', spec.owner),
    appKind: spec.kind,
    connectorGroupId: resolve('ConnectorGroup', spec.connectorGroup),
    groupIds: (spec.groups ?? []).map((group) => resolve('AppGroup', group)),
    enabled: spec.enabled ?? true,
    browserHost: browserHostOf(row.name, spec, names),
    names: spec.names ?? [],
    upstream: spec.upstream,
    inspect: spec.kind === 'http' || (spec.inspect ?? false),
    http: {
      rules: http.rules ?? [],
      hostHeader,
      rewriteLocation: http.rewriteLocation ?? true,
      rewriteOrigin: http.rewriteOrigin ?? hostHeader === 'rewrite',
      requestHeaders: http.requestHeaders ?? {},
      responseHeaders: http.responseHeaders ?? {},
      webSocket: http.webSocket ?? true,
    },
    health: spec.health ?? { kind: 'tcp' },
  }
}

/** What checking a policy document gave: kept beside it, so that the checker need not run again. */
export type CheckedPolicy = {
  readonly name: string
  readonly line: number | null
  readonly text: string
  readonly est: unknown
}

export function policyRecords(row: Row<'resources'>): PolicyRecord[] {
  const checked: readonly CheckedPolicy[] = row.derived === null ? [] : JSON.parse(row.derived)
  return checked.map(({ name, line, text, est }, index) => ({
    kind: 'policy',
    id: `${row.id}.${index}`,
    name,
    line,
    text,
    est,
  }))
}

export function deviceRecord(row: Row<'devices'>): DeviceRecord {
  const { id, name, userId, keyThumbprint, posture, os, status } = row
  return { kind: 'device', id, name, userId, keyThumbprint, posture, os, status }
}

export function connectorRecord(row: Row<'connectors'>): ConnectorRecord {
  const { id, name, groupId, keyThumbprint, status } = row
  return { kind: 'connector', id, name, groupId, keyThumbprint, status }
}

/** Null for sessions of the console: they open no app. */
export function sessionRecord(row: Row<'sessions'>): SessionRecord | null {
  const { id, userId, deviceId, door, createdAtMs, expiresAtMs, confirmedAtMs } = row
  if (door === 'console') return null
  return {
    kind: 'session',
    id,
    userId,
    deviceId,
    door,
    factors: JSON.parse(row.factors),
    createdAtMs,
    expiresAtMs,
    ...(confirmedAtMs !== null && { confirmedAtMs }),
  }
}

export function webCredentialRecord({ id, sessionId, hash }: Row<'webCredentials'>): WebCredentialRecord {
  return { kind: 'webCredential', id, sessionId, secretHash: hash }
}

export function approvalRecord(row: Row<'approvals'>): ApprovalRecord {
  const { id, userId, appId, approvedBy, expiresAtMs } = row
  return { kind: 'approval', id, userId, appId, approvedBy, expiresAtMs }
}

export function containmentRecord(row: Row<'containments'>): ContainmentRecord {
  const { id, subjectKind, subjectId, answer, scope, reason, ownerId, createdAtMs, expiresAtMs } = row
  const subject = { kind: subjectKind, id: subjectId }
  return { kind: 'containment', id, subject, answer, scope, reason, ownerId, createdAtMs, expiresAtMs }
}

export function riskRecord({ subjectKind, subjectId, points, atMs }: Row<'risks'>): RiskRecord {
  const subject = { kind: subjectKind, id: subjectId }
  const id = riskRecordId(subjectKind, subjectId)
  return { kind: 'risk', id, subject, points, atMs, halfLifeMs: RISK_HALF_LIFE_MS }
}
