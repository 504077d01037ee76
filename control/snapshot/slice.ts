// What one connector must know itself, signed by control: its apps and who was revoked. Must never name an app of
// another connector group.
import { Fault } from '#core/fault.ts'
import type { AppRecord } from '#core/records/app.ts'
import { MAX_REVOKED_EXCHANGES, type ConnectorSlice } from '#core/wire/snapshot.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import type { SnapshotDeps } from './snapshot.ts'

export type SliceDeps = SnapshotDeps & {
  readonly identityCaPem: readonly string[]
  readonly exchangeCaPem: readonly string[]
  readonly statementKeys: readonly string[]
  /** How long a statement lives: sessions that ended earlier need no mention. */
  readonly statementMs: number
  readonly staleAfterSeconds: number
}

/** Throws Fault `not-found` for a connector that does not exist or is revoked. */
export async function makeSlice(
  handle: TenantHandle,
  mirror: TenantMirror,
  connectorId: string,
  deps: SliceDeps,
): Promise<string> {
  const connector = mirror.get('connector', connectorId)
  if (connector?.status !== 'active') throw new Fault('not-found')
  const ended = await handle
    .selectFrom('sessions')
    .select('sessions.id')
    .where('sessions.endedAtMs', '>', deps.nowMs() - deps.statementMs)
    .execute()
  const revoked = await handle.provider
    .selectFrom('exchanges')
    .select('exchanges.id')
    .where('exchanges.status', '=', 'revoked')
    .where('exchanges.certificateUntilMs', '>', deps.nowMs())
    .limit(MAX_REVOKED_EXCHANGES + 1)
    .execute()
  if (revoked.length > MAX_REVOKED_EXCHANGES) throw new Fault('at-capacity', { detail: { why: 'revoked exchanges' } })
  const slice: ConnectorSlice = {
    tenantId: mirror.tenantId,
    connectorId,
    sequence: mirror.sequence,
    issuedAtMs: deps.nowMs(),
    identityCaPem: [...deps.identityCaPem],
    exchangeCaPem: [...deps.exchangeCaPem],
    statementKeys: [...deps.statementKeys],
    apps: [...mirror.all('app')].filter((app) => app.connectorGroupId === connector.groupId).map(sliceApp),
    revokedSessionIds: ended.map(({ id }) => id),
    revokedDeviceIds: [...mirror.all('device')].filter(({ status }) => status === 'revoked').map(({ id }) => id),
    revokedExchangeIds: revoked.map(({ id }) => id),
    staleAfterSeconds: deps.staleAfterSeconds,
  }
  return deps.sign('slice', slice)
}

function sliceApp(app: AppRecord): ConnectorSlice['apps'][number] {
  const { host, port, tls } = app.upstream
  return {
    id: app.id,
    name: app.name,
    appKind: app.appKind,
    inspect: app.inspect,
    enabled: app.enabled,
    ports: [...new Set(app.names.flatMap(({ ports }) => ports))],
    upstream: {
      host,
      port: port ?? (app.appKind === 'http' ? (tls ? 443 : 80) : null),
      tls: tls ?? null,
    },
    health: app.health,
  }
}
