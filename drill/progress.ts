// What the live board shows of a drill under way, out of what was seen until now. Must never say more than the report will.
import type { DrillProgress } from '#core/api/drill-routes.ts'
import type { Held } from './actor.ts'
import { caps } from './caps.ts'
import type { PlayRecord } from './play-record.ts'

export function progressOf(
  record: PlayRecord,
  held: readonly Held[],
  appName: (handle: string) => string,
): DrillProgress {
  const { firstHostileMs, decided, timeline, visits } = record
  const contained = [...record.contained.values()]
  const seen = [...record.seen.values()].toSorted((a, b) => a.atMs - b.atMs)[0]
  const times = contained.flatMap(({ lastByteMs }) => lastByteMs)
  const effects = decided.flatMap(({ effect }) => (effect ? [effect] : []))
  const calledMs = decided[0]?.calledMs
  return {
    stage:
      contained.length > 0
        ? 'proven'
        : decided.length > 0
          ? 'contained'
          : seen
            ? 'noticed'
            : firstHostileMs === undefined
              ? 'preparing'
              : 'attack',
    firstHostileMs: whole(firstHostileMs),
    seenMs: whole(seen?.atMs),
    decidedMs: whole(decided[0]?.atMs),
    containedMs: times.length === 0 ? null : Math.max(...times),
    visits: visits
      .slice(-caps.board.default)
      .map(({ app, done, hostile }) => ({ app: appName(app).slice(0, 200), done, hostile })),
    held: held.slice(-caps.board.default).map((each) => ({
      app: each.app.name.slice(0, 200),
      open: each.isOpen(),
      lastByteMs: calledMs === undefined ? null : Math.max(0, each.lastByteMs() - calledMs),
    })),
    receipts: effects.flatMap(({ receipts }) => receipts.map(({ exchangeId, cutFlows }) => ({ exchangeId, cutFlows }))),
    missing: effects.flatMap(({ missing }) => missing),
    residual: contained.length === 0 ? null : contained.flatMap(({ residual }) => residual).slice(0, 100),
    timeline: timeline.slice(-caps.board.default),
  }
}

function whole(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms)
}
