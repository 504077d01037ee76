// The lanes of all sessions: one per (tenant, session, app). Must never find a lane for another session.
import { Fault } from '#core/fault.ts'
import { caps } from '#exchange/caps.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { Lane, type LaneFacts } from './lane.ts'

export type Lanes = {
  /** The lane of this session and app, begun when there is none. Throws Fault `at-capacity`. */
  readonly of: (facts: LaneFacts) => Lane
  readonly count: number
  /** Ends the lanes that carry nothing at the moment. */
  readonly closeIdle: () => void
  readonly close: () => void
}

const HOUSEKEEPING_MS = 5_000

export function createLanes(context: ExchangeContext): Lanes {
  const lanes = new Map<string, Lane>()
  const timer = setInterval(() => {
    const nowMs = context.now()
    for (const lane of lanes.values()) lane.closeIfIdle(nowMs)
  }, HOUSEKEEPING_MS)
  timer.unref()

  return {
    get count() {
      return lanes.size
    },
    of(facts) {
      const { tenant, access, app } = facts
      const key = `${tenant.id} ${access.sessionId} ${app.id}`
      const known = lanes.get(key)
      if (known !== undefined) return known
      if (lanes.size >= caps.lanes.default) throw new Fault('at-capacity', { detail: { why: 'lanes' } })
      context.flows.refuseOverLimit(tenant.id, access.sessionId)
      const lane = new Lane(context, facts, () => {
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
