// The lanes of one kind, found by key. Must never give out a lane under a key that is not exactly its own, nor hold
// more than the cap.
import { Fault } from '#core/fault.ts'
import type { ExchangeContext } from '#exchange/context.ts'

type LaneLike = {
  readonly closeIfIdle: (nowMs: number) => void
  readonly cut: (reason: string) => number
}

export type LaneTable<L extends LaneLike> = {
  /** The lane of this key, made when there is none. Throws Fault `at-capacity`. */
  readonly of: (
    key: string,
    owner: { readonly tenantId: string; readonly sessionId: string },
    make: (onEnd: () => void) => L,
  ) => L
  readonly count: number
  /** Ends the lanes that carry nothing at the moment. */
  readonly closeIdle: () => void
  readonly close: () => void
}

const HOUSEKEEPING_MS = 5_000

export function createLaneTable<L extends LaneLike>(context: ExchangeContext, mostLanes: number): LaneTable<L> {
  const lanes = new Map<string, L>()
  const timer = setInterval(() => {
    const nowMs = context.now()
    for (const lane of lanes.values()) lane.closeIfIdle(nowMs)
  }, HOUSEKEEPING_MS)
  timer.unref()

  return {
    get count() {
      return lanes.size
    },
    of(key, { tenantId, sessionId }, make) {
      const known = lanes.get(key)
      if (known !== undefined) return known
      if (lanes.size >= mostLanes) throw new Fault('at-capacity', { detail: { why: 'lanes' } })
      context.flows.refuseOverLimit(tenantId, sessionId)
      const lane = make(() => {
        if (lanes.get(key) === lane) lanes.delete(key)
      })
      lanes.set(key, lane)
      return lane
    },
    closeIdle() {
      for (const lane of lanes.values()) lane.closeIfIdle(Infinity)
    },
    close() {
      clearInterval(timer)
      for (const lane of lanes.values()) lane.cut('exchange-closed')
    },
  }
}
