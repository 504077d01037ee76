// Snapshots, deltas and heartbeats of a tenant, signed. Must never make a chunk or a delta that does not fit a frame,
// nor a delta with a gap.
import type { TenantRecords } from '#core/records/records.ts'
import { MAX_CHUNK_BYTES, type Delta, type Heartbeat, type SnapshotRoot } from '#core/wire/snapshot.ts'
import { toBase64url } from '#transport/base64url.ts'
import { sha256 } from '#transport/secret.ts'
import { caps } from '#control/caps.ts'
import type { SnapshotPurpose } from '#control/authority/authority.ts'
import { Fault } from '#core/fault.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import { changesAfter, lastSequence } from '#control/store/changes.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

export type SnapshotDeps = {
  readonly epoch: string
  readonly sign: (purpose: SnapshotPurpose, payload: object) => string
  readonly nowMs: () => number
}

export type SignedSnapshot = {
  readonly sequence: number
  readonly rootToken: string
  readonly chunks: readonly string[]
}

export function makeSnapshot(mirror: TenantMirror, deps: SnapshotDeps): SignedSnapshot {
  const chunks = chunksOf(mirror.records())
  const root: SnapshotRoot = {
    tenantId: mirror.tenantId,
    epoch: deps.epoch,
    sequence: mirror.sequence,
    issuedAtMs: deps.nowMs(),
    chunkHashes: chunks.map((chunk) => toBase64url(sha256(chunk))),
  }
  return { sequence: mirror.sequence, rootToken: deps.sign('snapshot-root', root), chunks }
}

function chunksOf(records: Iterable<TenantRecords>): string[] {
  const chunks: string[] = []
  let parts: string[] = []
  let bytes = 2
  for (const record of records) {
    const text = JSON.stringify(record)
    // A chunk travels as a JSON string: its quotes are escaped, and that is what has to fit the frame.
    const size = Buffer.byteLength(JSON.stringify(text)) + 1
    // From before records were bounded. A snapshot without it would be another policy: this tenant has none.
    if (size + 2 > MAX_CHUNK_BYTES)
      throw new Fault('request-too-large', {
        detail: { why: 'a record over a chunk', kind: record.kind, id: record.id },
      })
    if (bytes + size > MAX_CHUNK_BYTES) {
      chunks.push(`[${parts.join(',')}]`)
      parts = []
      bytes = 2
    }
    parts.push(text)
    bytes += size
  }
  chunks.push(`[${parts.join(',')}]`)
  return chunks
}

export type SignedDelta = { readonly to: number; readonly token: string }

/**
 * The next delta after `from`; `current` when there is nothing newer, `gap` when the changes are no longer kept `from`
 * is ahead of the store (a backup was put back), or the next change fits no delta: then only a snapshot helps.
 */
export async function nextDelta(
  handle: TenantHandle,
  from: number,
  deps: SnapshotDeps,
): Promise<SignedDelta | 'current' | 'gap'> {
  const stored = await changesAfter(handle, from, caps.deltaChanges.default)
  const [first] = stored
  if (!first) return (await lastSequence(handle)) === from ? 'current' : 'gap'
  if (first.sequence !== from + 1) return 'gap'
  const changes: Delta['changes'] = []
  let bytes = 0
  let to = from
  for (const { change, sequence } of stored) {
    bytes += Buffer.byteLength(JSON.stringify(change)) + 1
    // One from before records were bounded: a snapshot may do without it, when it was undone since.
    if (bytes > caps.deltaBytes.default && changes.length === 0) return 'gap'
    if (bytes > caps.deltaBytes.default) break
    changes.push(change)
    to = sequence
  }
  const delta: Delta = { tenantId: handle.tenantId, epoch: deps.epoch, from, to, issuedAtMs: deps.nowMs(), changes }
  return { to, token: deps.sign('delta', delta) }
}

export function makeHeartbeat(tenantId: string, sequence: number, deps: SnapshotDeps): string {
  const heartbeat: Heartbeat = { tenantId, epoch: deps.epoch, sequence, issuedAtMs: deps.nowMs() }
  return deps.sign('heartbeat', heartbeat)
}
