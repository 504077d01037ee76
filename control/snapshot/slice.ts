// What one connector must know itself, signed by control: its apps and who was revoked. Must never name an app of
// another connector group.
import { Fault } from '#core/fault.ts'
import type { AppRecord } from '#core/records/app.ts'
import { MAX_REVOKED_EXCHANGES, type ConnectorSlice } from '#core/wire/snapshot.ts'
import { caps } from '#control/caps.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import type { SnapshotDeps } from './snapshot.ts'

/** Clocks of connectors may be behind ours by so much. */
const CLOCK_MARGIN_MS = 300_000

export type SliceDeps = SnapshotDeps & {
  readonly identityCaPem: readonly string[]
  readonly exchangeCaPem: readonly string[]
  readonly statementKeys: readonly string[]
  /** The longest that a statement lives: sessions that ended earlier need no mention. */
  readonly statementMs: number
  readonly staleAfterSeconds: number
  /** People whom connectors keep from every app but a few, hashed. */
  readonly apart: (handle: TenantHandle) => Promise<ConnectorSlice['apart']>
}

/**
 * Throws Fault `not-found` for a connector that does not exist or is revoked, `request-too-large` when the slice fits no
 * message: the connector must then be cut, for it would go on by an older one.
 */
export async function makeSlice(
  handle: TenantHandle,
  mirror: TenantMirror,
  connectorId: string,
  deps: SliceDeps,
): Promise<string> {
  const connector = mirror.get('connector', connectorId)
  if (connector?.status !== 'active') throw new Fault('not-found')
  const issuedSinceMs = deps.nowMs() - deps.statementMs - CLOCK_MARGIN_MS
  // A statement ends with its session, and none was made after `lastSeenAtMs`; consoles get none at all.
  const ended = await handle
    .selectFrom('sessions')
    .select('sessions.id')
    .where('sessions.endedAtMs', '>', issuedSinceMs)
    .where('sessions.lastSeenAtMs', '>', issuedSinceMs)
    .where('sessions.expiresAtMs', '>', deps.nowMs() - CLOCK_MARGIN_MS)
    .where('sessions.door', '!=', 'console')
    .execute()
  // A revoked device gets no certificate: it needs no mention once its last one ended, and the statements about it.
  const devices = await handle
    .selectFrom('devices')
    .select(['devices.id', 'devices.certificateUntilMs'])
    .where('devices.status', '=', 'revoked')
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
    revokedDeviceIds: devices
      .filter(({ certificateUntilMs }) => certificateUntilMs === null || certificateUntilMs > issuedSinceMs)
      .map(({ id }) => id),
    revokedExchangeIds: revoked.map(({ id }) => id),
    staleAfterSeconds: deps.staleAfterSeconds,
    apart: await deps.apart(handle),
  }
  const token = deps.sign('slice', slice)
  if (token.length <= caps.sliceTokenBytes.default) return token
  throw new Fault('request-too-large', { detail: { why: 'a slice', connectorId, length: token.length } })
}

/** Bytes that an app takes in the slices of its connector group. */
export function sliceBytesOf(app: AppRecord): number {
  return Buffer.byteLength(JSON.stringify(sliceApp(app))) + 1
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
