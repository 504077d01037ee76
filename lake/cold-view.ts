// Which events only the files have, and questions about them, as both ends of the lake know them. Must never load DuckDB.
import type { TenantId } from '#core/ids.ts'
import type { EventMatch } from '#journal/match.ts'
import type { LakeFile, Manifest } from './manifest.ts'

export type ColdPlace = { readonly recordedMs: number; readonly writer: string; readonly sequence: number }

/** Writer → the first sequence that is not asked for. Of a writer that is not named, nothing is. */
export type ColdBounds = Readonly<Record<string, number>>

export type ColdQuery = {
  readonly tenant: TenantId
  readonly below: ColdBounds
  /** Milliseconds since 1970 by the writer's clock, both included. */
  readonly fromMs?: number
  readonly untilMs?: number
  /** Only what comes after it. */
  readonly after?: ColdPlace
  readonly match: EventMatch
  /** At most 1,000. */
  readonly limit: number
}

export type ColdEvent = ColdPlace & { readonly json: string }
export type ColdPage = { readonly items: readonly ColdEvent[]; readonly isMore: boolean }

/** From the manifest alone: about how new the newest of it is; null: there is nothing. */
export function newestCold(manifest: Manifest, below: ColdBounds, fromMs = 0): number | null {
  const files = filesBelow(manifest, below).filter(({ maxMs }) => maxMs >= fromMs - CLOCK_SLACK_MS)
  return files.length === 0 ? null : Math.max(...files.map(({ maxMs }) => maxMs)) + CLOCK_SLACK_MS
}

/** An event's own time and the moment of its record differ by less: a flow's end is written when it ended. */
const CLOCK_SLACK_MS = 86_400_000

export function filesBelow({ files }: Manifest, below: ColdBounds): readonly LakeFile[] {
  return files.filter(({ writer, first }) => first < (below[writer] ?? 0))
}
