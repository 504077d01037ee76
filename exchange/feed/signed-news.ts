// What control says about a tenant, once its signature, its tenant and its place in time have been checked. Must
// never hand on a record from a message that is forged, meant for another tenant, or older than what is in force.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import * as records from '#core/records/records.ts'
import { delta, heartbeat, snapshotRoot, type Delta, type Heartbeat, type SnapshotRoot } from '#core/wire/snapshot.ts'
import { Fault } from '#core/fault.ts'
import { verifyToken } from '#transport/signed-token.ts'
import { caps } from '#exchange/caps.ts'
import type { Position } from '#exchange/tenant/tenant.ts'

/** `why` of the fault for a message that is authentic and cannot be read. */
export const UNREADABLE = 'unreadable'

const aboutTenant = delta.pick({ tenantId: true }).strip()

export type SnapshotKeys = readonly KeyObject[]

export function readKeys(pems: readonly string[]): SnapshotKeys {
  try {
    return pems.map((pem) => createPublicKey(pem))
  } catch (cause) {
    throw new Fault('snapshot-refused', { detail: { why: 'a signing key cannot be read' }, cause })
  }
}

export function readRoot(token: string, keys: SnapshotKeys): SnapshotRoot {
  return snapshotRoot.parse(verifyToken('snapshot-root', token, keys, { maxBytes: caps.signedNewsBytes.default }))
}

export function readDelta(token: string, keys: SnapshotKeys): Delta {
  const payload = verifyToken('delta', token, keys, { maxBytes: caps.signedNewsBytes.default })
  const parsed = delta.safeParse(payload)
  if (parsed.success) return parsed.data
  // It is control's word about one tenant, which we cannot follow: that tenant's matter, not the link's.
  const { tenantId } = aboutTenant.parse(payload)
  throw new Fault('snapshot-refused', { detail: { tenantId, why: UNREADABLE }, cause: parsed.error })
}

export function readHeartbeat(token: string, keys: SnapshotKeys): Heartbeat {
  return heartbeat.parse(verifyToken('heartbeat', token, keys))
}

/** Throws `snapshot-refused` when `next` would turn the tenant back to an earlier state. */
export function refuseRollBack(tenantId: string, current: Position | undefined, next: Position): void {
  if (current === undefined) return
  const isForward =
    next.epoch === current.epoch
      ? next.sequence >= current.sequence && next.issuedAtMs >= current.issuedAtMs
      : next.issuedAtMs > current.issuedAtMs
  if (!isForward) throw new Fault('snapshot-refused', { detail: { tenantId, why: 'roll-back', current, next } })
}

/** Whether the text of a chunk is the one that the signed root names. */
export function isChunkOf(root: SnapshotRoot, index: number, text: string): boolean {
  return root.chunkHashes[index] === createHash('sha256').update(text).digest('base64url')
}

/** The records of chunks that `isChunkOf` accepted, in order. */
export function readRecords(root: SnapshotRoot, chunks: readonly string[]): records.TenantRecords[] {
  if (chunks.length !== root.chunkHashes.length) throw refused(root, 'chunks are missing')
  return chunks.flatMap((text, index) => {
    if (!isChunkOf(root, index, text)) throw refused(root, 'a chunk is not the signed one')
    const items: unknown = JSON.parse(text)
    if (!Array.isArray(items)) throw refused(root, 'a chunk is not a list')
    return items.map((item) => records.record.parse(item))
  })
}

function refused(root: SnapshotRoot, why: string): Fault {
  return new Fault('snapshot-refused', { detail: { tenantId: root.tenantId, why } })
}
