// Takes in what control says about tenants: snapshots in chunks, deltas in order, heartbeats. Must never leave a tenant
// half changed: a snapshot is swapped in when its last chunk has verified, a delta applies whole or not at all.
import type { Change } from '#core/records/records.ts'
import type { SnapshotRoot } from '#core/wire/snapshot.ts'
import { asFault, Fault } from '#core/fault.ts'
import { caps } from '#exchange/caps.ts'
import type { Log } from '#exchange/context.ts'
import { Tenant } from '#exchange/tenant/tenant.ts'
import type { TenantDirectory } from '#exchange/tenant/directory.ts'
import {
  isChunkOf,
  readDelta,
  readHeartbeat,
  readRecords,
  readRoot,
  refuseRollBack,
  UNREADABLE,
  type SnapshotKeys,
} from './signed-news.ts'
import type { LastGood, SavedTenant } from './last-good.ts'

/** `changes: 'all'`: the whole tenant is new. */
export type Applied = { readonly tenant: Tenant; readonly changes: readonly Change[] | 'all' }

export type NewsDeps = {
  readonly directory: TenantDirectory
  readonly lastGood: LastGood
  readonly keys: () => SnapshotKeys
  readonly log: Log
  readonly onApplied: (applied: Applied) => void
  readonly onRemoved: (tenant: Tenant) => void
}

export type News = {
  readonly root: (token: string) => void
  readonly chunk: (tenantId: string, index: number, text: string) => void
  readonly delta: (token: string) => void
  readonly heartbeat: (tokens: readonly string[]) => void
  readonly removed: (tenantId: string) => void
  /** Takes in what an earlier run has saved; what does not verify is left out. */
  readonly restore: (saved: readonly SavedTenant[], onRefused: (error: unknown) => void) => void
  /** The connection is gone, and with it the snapshots that were on their way. */
  readonly abandon: () => void
}

type Arriving = { readonly root: SnapshotRoot; readonly token: string; readonly chunks: string[]; bytes: number }

export function createNews(deps: NewsDeps): News {
  const { directory, lastGood } = deps
  const arriving = new Map<string, Arriving>()
  /** Whose news could not be followed: the rest of it means nothing, until a snapshot begins. */
  const dropped = new Set<string>()

  return {
    root(token) {
      const root = readRoot(token, deps.keys())
      refuseRollBack(root.tenantId, directory.get(root.tenantId)?.position, root)
      dropped.delete(root.tenantId)
      arriving.set(root.tenantId, { root, token, chunks: [], bytes: 0 })
      if (root.chunkHashes.length === 0) throw refused(root.tenantId, 'an empty snapshot')
    },
    chunk(tenantId, index, text) {
      if (dropped.has(tenantId)) return
      const snapshot = arriving.get(tenantId)
      if (snapshot === undefined || index !== snapshot.chunks.length) throw refused(tenantId, 'a chunk out of order')
      if (!isChunkOf(snapshot.root, index, text)) throw refused(tenantId, 'a chunk is not the signed one')
      snapshot.bytes += text.length
      if (snapshot.bytes > caps.snapshotBytes.default) return drop(tenantId, refused(tenantId, 'too large'))
      snapshot.chunks.push(text)
      if (snapshot.chunks.length < snapshot.root.chunkHashes.length) return
      arriving.delete(tenantId)
      refuseRollBack(tenantId, directory.get(tenantId)?.position, snapshot.root)
      try {
        swapIn(snapshot.root, snapshot.chunks)
      } catch (error) {
        return drop(tenantId, error)
      }
      lastGood.saveSnapshot(tenantId, snapshot.token, snapshot.chunks)
    },
    delta(token) {
      try {
        applyDelta(token)
      } catch (error) {
        const { tenantId, why } = asFault(error).detail
        if (why !== UNREADABLE || typeof tenantId !== 'string') throw error
        drop(tenantId, error)
      }
    },
    heartbeat(tokens) {
      for (const token of tokens) {
        const { tenantId, epoch, sequence, issuedAtMs } = readHeartbeat(token, deps.keys())
        const tenant = directory.get(tenantId)
        if (tenant === undefined || arriving.has(tenantId)) continue
        const { position } = tenant
        // A heartbeat about changes that we do not have would keep an old state looking fresh.
        if (epoch !== position.epoch || sequence > position.sequence) {
          throw refused(tenantId, 'a heartbeat for another position')
        }
        // One that a delta overtook on its way says nothing new.
        if (sequence < position.sequence || issuedAtMs <= position.issuedAtMs) continue
        tenant.position = { epoch, sequence, issuedAtMs }
        lastGood.saveHeartbeat(tenantId, token)
      }
    },
    removed(tenantId) {
      dropped.delete(tenantId)
      remove(tenantId)
    },
    restore(saved, onRefused) {
      for (const each of saved) {
        try {
          restoreTenant(each)
        } catch (error) {
          onRefused(error)
        }
      }
    },
    abandon() {
      arriving.clear()
      dropped.clear()
    },
  }

  function remove(tenantId: string): void {
    arriving.delete(tenantId)
    const tenant = directory.get(tenantId)
    directory.remove(tenantId)
    lastGood.forget(tenantId)
    if (tenant !== undefined) deps.onRemoved(tenant)
  }

  /** Authentic, and nothing that this exchange can follow: this tenant fails closed, and the feed goes on for others. */
  function drop(tenantId: string, error: unknown): void {
    deps.log('a tenant was dropped: its news cannot be followed', {
      tenantId,
      error: String(error),
      ...asFault(error).detail,
    })
    dropped.add(tenantId)
    remove(tenantId)
  }

  function swapIn(root: SnapshotRoot, chunks: readonly string[]): Tenant {
    const { tenantId, epoch, sequence, issuedAtMs } = root
    refuseRollBack(tenantId, directory.get(tenantId)?.position, root)
    const tenant = new Tenant(tenantId, readRecords(root, chunks), { epoch, sequence, issuedAtMs })
    directory.put(tenant)
    deps.onApplied({ tenant, changes: 'all' })
    return tenant
  }

  function applyDelta(token: string, isSaved = false): void {
    const { tenantId, epoch, from, to, issuedAtMs, changes } = readDelta(token, deps.keys())
    if (dropped.has(tenantId)) return
    const tenant = directory.get(tenantId)
    if (tenant === undefined) throw refused(tenantId, 'a delta without a snapshot')
    if (epoch !== tenant.position.epoch || from !== tenant.position.sequence || to < from)
      throw refused(tenantId, 'gap')
    const next = { epoch, sequence: to, issuedAtMs }
    refuseRollBack(tenantId, tenant.position, next)
    for (const change of changes) {
      if (change.op === 'put' && change.record.kind === 'tenant' && change.record.id !== tenantId) {
        throw refused(tenantId, 'a record of another tenant')
      }
    }
    tenant.apply(changes)
    tenant.position = next
    if (changes.some((change) => (change.op === 'put' ? change.record.kind : change.kind) !== 'session')) {
      directory.put(tenant)
    }
    if (!isSaved) lastGood.saveDelta(tenantId, token)
    deps.onApplied({ tenant, changes })
  }

  function restoreTenant(saved: SavedTenant): void {
    const root = readRoot(saved.root, deps.keys())
    if (root.tenantId !== saved.tenantId) throw refused(saved.tenantId, 'saved under another name')
    const tenant = swapIn(root, saved.chunks)
    try {
      for (const token of saved.deltas) applyDelta(token, true)
    } catch {
      // A torn or missing delta: what came before it stands, and control sends the rest.
      return
    }
    if (saved.heartbeat === undefined) return
    const { tenantId, epoch, sequence, issuedAtMs } = readHeartbeat(saved.heartbeat, deps.keys())
    const { position } = tenant
    const isOfThis = tenantId === tenant.id && epoch === position.epoch && sequence === position.sequence
    if (isOfThis && issuedAtMs > position.issuedAtMs) tenant.position = { epoch, sequence, issuedAtMs }
  }
}

function refused(tenantId: string, why: string): Fault {
  return new Fault('snapshot-refused', { detail: { tenantId, why } })
}
