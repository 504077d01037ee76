// For tests only: a tenant's records in few words. Ids are names with a prefix, so that a failure reads well.
import type { AppRecord, PathRule } from '#core/records/app.ts'
import type {
  AppGroupRecord,
  GroupRecord,
  OrganisationRecord,
  PolicyRecord,
  UserRecord,
} from '#core/records/records.ts'

export function group(name: string, parents: readonly string[] = []): GroupRecord {
  return { kind: 'group', id: `grp_${name}`, name, parentIds: parents.map((parent) => `grp_${parent}`) }
}

export function user(
  name: string,
  groups: readonly string[] = [],
  organisationName: string | null = null,
  status: UserRecord['status'] = 'active',
): UserRecord {
  return {
    kind: 'user',
    id: `usr_${name}`,
    name,
    displayName: name,
    email: `${name}@example.test`,
    groupIds: groups.map((each) => `grp_${each}`),
    organisationId: organisationName === null ? null : `org_${organisationName}`,
    status,
  }
}

export function organisation(name: string, apps: readonly string[]): OrganisationRecord {
  return {
    kind: 'organisation',
    id: `org_${name}`,
    name,
    displayName: name,
    sponsorId: 'usr_sponsor',
    fromMs: 0,
    untilMs: Date.parse('2030-01-01T00:00:00Z'),
    appIds: apps.map((each) => `app_${each}`),
  }
}

export function appGroup(name: string): AppGroupRecord {
  return { kind: 'appGroup', id: `agr_${name}`, name }
}

export function app(
  name: string,
  more: {
    readonly kind?: 'http' | 'tcp'
    readonly groups?: readonly string[]
    readonly rules?: readonly PathRule[]
    readonly isEnabled?: boolean
  } = {},
): AppRecord {
  return {
    kind: 'app',
    id: `app_${name}`,
    name,
    displayName: name,
    ownerId: null,
    appKind: more.kind ?? 'http',
    connectorGroupId: 'cgr_dc',
    groupIds: (more.groups ?? []).map((each) => `agr_${each}`),
    enabled: more.isEnabled ?? true,
    browserHost: null,
    names: [],
    upstream: { host: 'upstream.test' },
    inspect: true,
    http: {
      rules: [...(more.rules ?? [])],
      hostHeader: 'rewrite',
      rewriteLocation: true,
      rewriteOrigin: true,
      requestHeaders: {},
      responseHeaders: {},
      webSocket: true,
    },
    health: { kind: 'none' },
  }
}

/** Who: a type and a name, or null for anybody. What: an app, `AppGroup name`, or null for any. */
export function policy(
  effect: 'permit' | 'forbid',
  name: string,
  who: { readonly type: string; readonly id: string } | null,
  what: string | null,
  when?: unknown,
): PolicyRecord {
  const [type, id] = what?.startsWith('AppGroup ') ? ['AppGroup', what.slice(9)] : ['App', what ?? '']
  return {
    kind: 'policy',
    id: `pol_${name}`,
    name,
    line: 1,
    text: '',
    est: {
      effect,
      principal: who === null ? { op: 'All' } : { op: who.type === 'User' ? '==' : 'in', entity: who },
      action: { op: 'All' },
      resource: what === null ? { op: 'All' } : { op: type === 'App' ? '==' : 'in', entity: { type, id } },
      conditions: when === undefined ? [] : [{ kind: 'when', body: when }],
    },
  }
}

export function permit(name: string, type: string, id: string, app_: string | null, when?: unknown): PolicyRecord {
  return policy('permit', name, { type, id }, app_, when)
}
