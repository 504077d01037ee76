// What one connector must know itself, signed by control: its apps and who was revoked. Must never name an app of
// another connector group.
import { Fault } from '#core/fault.ts'
import type { AppRecord } from '#core/records/app.ts'
import { markOf, MAX_SESSION_MARKS } from '#core/wire/session-marks.ts'
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
    ...(await endedOf(handle, issuedSinceMs, deps)),
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

/** Fewer are named by their whole ids, which connectors of every version read. */
const MAX_WHOLE_IDS = 2_000

/**
 * Ended sessions about which a statement may still be valid. Those whose statements are the newest come first: when
 * they are more than a slice can name, it says instead since when statements count at all.
 */
async function endedOf(
  handle: TenantHandle,
  issuedSinceMs: number,
  deps: SliceDeps,
): Promise<Pick<ConnectorSlice, 'revokedSessionIds' | 'revokedSessionMarks' | 'statementsSinceMs'>> {
  const ended = await handle
    .selectFrom('sessions')
    .select(['sessions.id', 'sessions.statementAtMs'])
    .where('sessions.endedAtMs', '>', issuedSinceMs)
    .where('sessions.statementUntilMs', '>', deps.nowMs() - CLOCK_MARGIN_MS)
    .orderBy('sessions.statementAtMs', 'desc')
    .limit(MAX_SESSION_MARKS + 1)
    .execute()
  if (ended.length <= MAX_WHOLE_IDS) return { revokedSessionIds: ended.map(({ id }) => id) }
  const left = ended[MAX_SESSION_MARKS]
  const sinceMs = left === undefined ? undefined : (left.statementAtMs ?? 0) + 1
  const named = sinceMs === undefined ? ended : ended.filter(({ statementAtMs }) => (statementAtMs ?? 0) >= sinceMs)
  return {
    revokedSessionIds: [],
    revokedSessionMarks: named.map(({ id }) => markOf(id)).join(''),
    ...(sinceMs !== undefined && { statementsSinceMs: sinceMs }),
  }
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
