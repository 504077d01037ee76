// The lake as others use it: questions about events and decisions, and the work that keeps it. Each answer is of one
// version of the files with the newest of the journal on top. Must never load DuckDB into this process.
import type { Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import type { JournalKey } from '#journal/statement.ts'
import { defaultCaps, type LakeCaps } from './caps.ts'
import { newestCold, type ColdBounds, type ColdPage, type ColdQuery } from './cold-view.ts'
import type { CountQuery, Counts } from './count.ts'
import type { DecisionSource } from './decisions.ts'
import { keyTexts, type CompactAnswer } from './engine-calls.ts'
import { EngineProcess, type EngineDeps } from './engine-process.ts'
import { dayOf } from './layout.ts'
import { readManifest } from './manifest.ts'
import type { EventsPage, EventsQuery } from './query.ts'
import type { Removed } from './retain.ts'
import { tenantStatus, type TenantStatus } from './status.ts'
import type { TenantReport } from './verify.ts'

export type LakeConfig = {
  /** Where the files are; made when missing. Nothing else may write there. */
  readonly folder: string
  /** The journal whose segments are newest. null: only what is in files. */
  readonly journalRoot: string | null
  readonly caps?: Partial<LakeCaps>
}

export type LakeDeps = EngineDeps & { readonly nowMs?: () => number }

export type Lake = DecisionSource & {
  readonly events: (query: EventsQuery, signal: AbortSignal) => Promise<EventsPage>
  readonly counts: (query: CountQuery, signal: AbortSignal) => Promise<Counts>
  /** What only the files have, for a reader of the journal to go on with. */
  readonly cold: (query: ColdQuery, signal: AbortSignal) => Promise<ColdPage>
  /** Whose events the files have, from the manifest alone. */
  readonly writers: (tenant: TenantId) => Promise<readonly string[]>
  /** About how new the newest of that is, from the manifest alone; null: there is nothing. */
  readonly newestCold: (tenant: TenantId, below: ColdBounds, fromMs?: number) => Promise<number | null>
  /** Takes in what is sealed. Segments up to the watermarks it gives may be removed from the journal. */
  readonly compact: (tenant: TenantId, keys: readonly JournalKey[], signal: AbortSignal) => Promise<CompactAnswer>
  /** Removes whole days before `day` (`2026-11-24`). */
  readonly removeDaysBefore: (tenant: TenantId, day: string, signal: AbortSignal) => Promise<Removed>
  readonly removeTenant: (tenant: TenantId, signal: AbortSignal) => Promise<void>
  readonly verify: (tenant: TenantId, keys: readonly JournalKey[], signal: AbortSignal) => Promise<TenantReport>
  /** From the manifest alone. */
  readonly status: (tenant: TenantId) => Promise<TenantStatus>
  /** The engine's process, while there is one. */
  readonly pid: () => number | undefined
  readonly close: () => Promise<void>
  readonly destroy: (fault: Fault) => Promise<void>
} & AsyncDisposable

/** Nothing runs until it is asked something. */
export function openLake(config: LakeConfig, deps: LakeDeps): Lake {
  const caps = { ...defaultCaps, ...config.caps }
  const { folder, journalRoot } = config
  const engine = new EngineProcess({ folder, journalRoot, caps }, deps)
  const nowMs = deps.nowMs ?? Date.now
  const within = (wanted: number | undefined): number => Math.max(1, Math.min(wanted ?? Infinity, caps.queryTimeoutMs))
  const { workTimeoutMs } = caps
  return {
    events: (query, signal) => engine.call('events', query, within(query.timeoutMs), signal),
    cold: (query, signal) => engine.call('cold', query, caps.queryTimeoutMs, signal),
    writers: async (tenant) => Object.keys((await readManifest(folder, tenant)).chains),
    newestCold: async (tenant, below, fromMs) => newestCold(await readManifest(folder, tenant), below, fromMs),
    counts: (query, signal) => engine.call('counts', query, within(query.timeoutMs), signal),
    decisionClasses: (query, signal) => engine.classes(query, workTimeoutMs, signal),
    compact: (tenant, keys, signal) =>
      engine.call('compact', { tenant, keys: keyTexts(keys), today: dayOf(nowMs()) }, workTimeoutMs, signal),
    removeDaysBefore: (tenant, before, signal) => engine.call('retain', { tenant, before }, workTimeoutMs, signal),
    removeTenant: async (tenant, signal) => {
      await engine.call('removeTenant', { tenant }, workTimeoutMs, signal)
    },
    verify: (tenant, keys, signal) => engine.call('verify', { tenant, keys: keyTexts(keys) }, workTimeoutMs, signal),
    status: (tenant) => tenantStatus(folder, journalRoot, tenant),
    pid: () => engine.pid,
    close: () => engine.close(),
    destroy: (fault) => engine.destroy(fault),
    [Symbol.asyncDispose]: () => engine.close(),
  }
}
