// Keeps the lake by the clock: takes in sealed segments, lets the journal's go, removes days past their retention, and
// copies files to an object store where there is one. Must never let a segment go that is not in force in the lake.
import { setTimeout as wait } from 'node:timers/promises'
import { asFault, Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import type { ChainPlace } from '#journal/layout.ts'
import type { JournalKey } from '#journal/statement.ts'
import type { RemoveRequest } from '#journal/tombstone.ts'
import { isCompactionDue, isRetentionDue, removableChains } from './due.ts'
import type { CompactAnswer } from './engine-calls.ts'
import type { EngineProblem } from './engine-process.ts'
import { openLake, type Lake, type LakeConfig } from './lake.ts'
import { dayOf } from './layout.ts'
import { readManifest } from './manifest.ts'
import type { ObjectStore } from './object-store.ts'
import { uploadTenant } from './upload.ts'

export type LakeServiceConfig = LakeConfig & {
  readonly journalRoot: string
  /** Milliseconds between rounds. Default: 5 minutes; events are seen at once either way. */
  readonly everyMs?: number
  /** Milliseconds that segments stay in the journal after they came into the lake. Default: 7 days. */
  readonly keepSegmentsMs?: number
}

export type LakeServiceDeps = {
  /** Every tenant there is, and how long its events are kept; null: for ever. */
  readonly tenants: () => Promise<readonly { readonly tenant: TenantId; readonly retentionDays: number | null }[]>
  readonly keys: () => readonly JournalKey[]
  /** Lets segments of a chain go, leaving a signed tombstone: the owner holds the key that signs it. */
  readonly removeSegments: (place: ChainPlace, request: RemoveRequest) => Promise<unknown>
  /** Where files are copied to; null: nowhere. */
  readonly store: ObjectStore | null
  readonly report: (problem: LakeProblemReport) => void
  readonly nowMs?: () => number
  /** Resolves after so many milliseconds; rejects when aborted. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

export type LakeProblemReport =
  | EngineProblem
  | {
      readonly kind: 'compact-failed' | 'compact-problem' | 'retention-failed' | 'upload-failed' | 'orphan-set-aside'
      readonly tenant: TenantId
      readonly detail: Readonly<Record<string, unknown>>
    }

export type LakeService = {
  readonly lake: Lake
  /** One round now, over all tenants; resolves when it is done. */
  readonly runNow: () => Promise<void>
  /** Removes a tenant's files, here and in the object store. */
  readonly removeTenant: (tenant: TenantId) => Promise<void>
  readonly close: () => Promise<void>
  readonly destroy: (fault: Fault) => Promise<void>
} & AsyncDisposable

const DEFAULT_EVERY_MS = 5 * 60_000
const DEFAULT_KEEP_MS = 7 * 86_400_000
const DAY_MS = 86_400_000

export function startLake(config: LakeServiceConfig, deps: LakeServiceDeps): LakeService {
  const { everyMs = DEFAULT_EVERY_MS, keepSegmentsMs = DEFAULT_KEEP_MS } = config
  const nowMs = deps.nowMs ?? Date.now
  const pause = deps.pause ?? ((ms: number, signal: AbortSignal) => wait(ms, undefined, { signal, ref: false }))
  const lake = openLake(config, { report: deps.report, nowMs })
  const stop = new AbortController()
  let last: Promise<void> = Promise.resolve()

  const attempt = async (
    kind: Exclude<LakeProblemReport['kind'], 'engine-died'>,
    tenant: TenantId,
    work: () => Promise<void>,
  ): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (stop.signal.aborted) return
      const { code, detail } = asFault(error)
      deps.report({ kind, tenant, detail: { code, ...detail } })
    }
  }

  // The engine is started only where there is something to take in.
  async function compact(tenant: TenantId, retentionMs: number): Promise<void> {
    const { folder, journalRoot } = config
    if (await isCompactionDue(folder, journalRoot, tenant))
      tell(tenant, await lake.compact(tenant, deps.keys(), stop.signal))
    const olderThanMs = nowMs() - Math.min(keepSegmentsMs, retentionMs)
    const manifest = await readManifest(folder, tenant)
    for (const { place, through } of await removableChains(manifest, journalRoot, tenant, olderThanMs)) {
      stop.signal.throwIfAborted()
      await deps.removeSegments(place, { throughSequence: through, olderThanMs, reason: 'retention' })
    }
  }

  function tell(tenant: TenantId, { problems, sweep, missedRows }: CompactAnswer): void {
    for (const problem of problems) deps.report({ kind: 'compact-problem', tenant, detail: problem })
    if (missedRows > 0) deps.report({ kind: 'compact-problem', tenant, detail: { kind: 'records-missed', missedRows } })
    for (const name of sweep?.setAside ?? []) deps.report({ kind: 'orphan-set-aside', tenant, detail: { name } })
  }

  async function round(): Promise<void> {
    for (const { tenant, retentionDays } of await deps.tenants()) {
      stop.signal.throwIfAborted()
      await attempt('compact-failed', tenant, () => compact(tenant, (retentionDays ?? Infinity) * DAY_MS))
      await attempt('retention-failed', tenant, async () => {
        if (retentionDays === null) return
        const day = dayOf(Math.max(0, nowMs() - retentionDays * DAY_MS))
        if (await isRetentionDue(config.folder, tenant, day)) await lake.removeDaysBefore(tenant, day, stop.signal)
      })
      const { store } = deps
      if (store === null) continue
      await attempt('upload-failed', tenant, async () => {
        await uploadTenant(store, { folder: config.folder, tenant, signal: stop.signal })
      })
    }
  }

  /** One round at a time. */
  function runNow(): Promise<void> {
    last = last.catch(() => {}).then(round)
    return last
  }

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      await pause(everyMs, stop.signal).catch(() => {})
      if (!stop.signal.aborted) await runNow().catch(() => {})
    }
  }
  const looping = loop()

  async function end(how: () => Promise<void>): Promise<void> {
    stop.abort(new Fault('closing'))
    await how()
    await Promise.allSettled([last, looping])
  }

  return {
    lake,
    runNow,
    removeTenant: async (tenant) => {
      await last.catch(() => {})
      await lake.removeTenant(tenant, stop.signal)
      await deps.store?.removeAll(`tenant=${tenant}/`, stop.signal)
    },
    close: () => end(lake.close),
    destroy: (fault) => end(() => lake.destroy(fault)),
    [Symbol.asyncDispose]: () => end(lake.close),
  }
}
