// Records of a small tenant for tests. Must never be imported by product code.
import { newId } from '#core/ids.ts'
import type { ContainmentRecord } from '#core/records/containment.ts'
import type { AppRecord } from '#core/records/app.ts'
import type { PolicyRecord, SessionRecord, TenantRecord, UserRecord } from '#core/records/records.ts'
import type { Authority } from '#transport/certificate-authority.ts'

export function tenantRecord(id: string, name: string, identityCa: Authority): TenantRecord {
  return {
    kind: 'tenant',
    id,
    name,
    displayName: name,
    parentId: null,
    status: 'active',
    identityCaPem: [identityCa.certificatePem],
    staleAfterSeconds: 900,
    sessionSeconds: 3600,
    explain: 'full',
    journalMandatory: false,
  }
}

export function userRecord(name: string, change: Partial<UserRecord> = {}): UserRecord {
  return {
    kind: 'user',
    id: newId('user'),
    name,
    displayName: name,
    email: null,
    groupIds: [],
    organisationId: null,
    status: 'active',
    ...change,
  }
}

export function sessionRecord(
  userId: string,
  deviceId: string | null,
  change: Partial<SessionRecord> = {},
): SessionRecord {
  return {
    kind: 'session',
    id: newId('session'),
    userId,
    deviceId,
    door: deviceId === null ? 'browser' : 'agent',
    factors: ['pwd'],
    createdAtMs: Date.now() - 1000,
    expiresAtMs: Date.now() + 3_600_000,
    ...change,
  }
}

export function appRecord(
  name: string,
  appKind: 'http' | 'tcp',
  port: number,
  change: Partial<AppRecord> = {},
): AppRecord {
  return {
    kind: 'app',
    id: newId('app'),
    name,
    displayName: name,
    ownerId: null,
    appKind,
    connectorGroupId: 'cgr_none',
    groupIds: [],
    enabled: true,
    browserHost: null,
    names: [{ host: `${name}.acme.internal`, ports: appKind === 'http' ? ['80', '443'] : ['22'] }],
    upstream: { host: '127.0.0.1', port },
    inspect: false,
    http: {
      rules: [],
      hostHeader: 'rewrite',
      rewriteLocation: true,
      rewriteOrigin: true,
      requestHeaders: {},
      responseHeaders: {},
      webSocket: true,
    },
    health: { kind: 'none' },
    ...change,
  }
}

/** `permit (principal, action, resource)` or `forbid`, as Cedar's JSON form. */
export function policyRecord(name: string, effect: 'permit' | 'forbid' = 'permit', appName?: string): PolicyRecord {
  const all = { op: 'All' }
  const resource = appName === undefined ? all : { op: '==', entity: { type: 'App', id: appName } }
  return {
    kind: 'policy',
    id: newId('policy'),
    name,
    line: 1,
    text: `${effect} (principal, action, resource);`,
    est: { effect, principal: all, action: all, resource, conditions: [] },
  }
}

export function containmentRecord(
  kind: ContainmentRecord['subject']['kind'],
  id: string,
  change: Partial<ContainmentRecord> = {},
): ContainmentRecord {
  const nowMs = Date.now()
  return {
    kind: 'containment',
    id: newId('containment'),
    subject: { kind, id },
    answer: 'contain',
    scope: 'all',
    reason: 'test',
    ownerId: 'usr_test',
    createdAtMs: nowMs,
    expiresAtMs: nowMs + 600_000,
    ...change,
  }
}
