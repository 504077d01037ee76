// The lake as control sees it: what the journal's segments have become. It is given to control from outside, because
// what reads events must not reach into what decides; control keeps the key under which segments may go.
import type { TenantId } from '#core/ids.ts'
import type { ChainPlace } from '#journal/layout.ts'
import type { EventMatch } from '#journal/match.ts'
import type { JournalKey } from '#journal/statement.ts'
import type { RemoveRequest } from '#journal/tombstone.ts'

export type LakeHooks = {
  readonly journalRoot: string
  /** Folder of the files; made when missing. */
  readonly folder: string
  /** Every tenant whose events are kept, those that were removed too, and for how long; null: for ever. */
  readonly tenants: () => Promise<readonly { readonly tenant: TenantId; readonly retentionDays: number | null }[]>
  /** Whose signatures count. */
  readonly keys: () => readonly JournalKey[]
  /** Lets segments of a chain go, leaving a signed tombstone. */
  readonly removeSegments: (place: ChainPlace, request: RemoveRequest) => Promise<unknown>
  readonly nowMs: () => number
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export type PlaceInLake = { readonly recordedMs: number; readonly writer: string; readonly sequence: number }

export type LakeReading = {
  readonly tenant: TenantId
  /** Writer → the first sequence that is not wanted, because the journal has it. Of others, nothing is. */
  readonly below: Readonly<Record<string, number>>
  readonly fromMs?: number
  readonly untilMs?: number
  readonly after?: PlaceInLake
  readonly match: EventMatch
  readonly limit: number
}

export type RunningLake = {
  /** Whose events it has. Costs one small file. */
  readonly writers: (tenant: TenantId) => Promise<readonly string[]>
  /** About how new the newest is that only the lake has; null: there is nothing. Costs one small file. */
  readonly newestCold: (
    tenant: TenantId,
    below: Readonly<Record<string, number>>,
    fromMs?: number,
  ) => Promise<number | null>
  /** Newest first by the writers' clocks. Throws `lake-timeout`, `lake-unavailable`, `lake-corrupt`. */
  readonly cold: (
    reading: LakeReading,
    signal: AbortSignal,
  ) => Promise<{ readonly items: readonly (PlaceInLake & { readonly json: string })[]; readonly isMore: boolean }>
  readonly close: () => Promise<void>
}

export type StartLake = (hooks: LakeHooks) => Promise<RunningLake>
