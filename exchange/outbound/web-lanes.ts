// The lanes of all sessions to all sites. Must never find a lane for another session, another site, or a connection that
// was made under other rules on certificates.
import { Fault } from '#core/fault.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { caps } from './caps.ts'
import { WebLane, type WebLaneFacts } from './web-lane.ts'

export type WebLanes = {
  /** `rules`: whatever a connection of this lane was accepted under. Throws Fault `at-capacity`. */
  readonly of: (facts: WebLaneFacts, rules: string) => WebLane
  readonly count: number
  readonly close: () => void
}

const HOUSEKEEPING_MS = 5_000

export function createWebLanes(context: ExchangeContext): WebLanes {
  const lanes = new Map<string, WebLane>()
  const timer = setInterval(() => {
    const nowMs = context.now()
    for (const lane of lanes.values()) lane.closeIfIdle(nowMs)
  }, HOUSEKEEPING_MS)
  timer.unref()

  return {
    get count() {
      return lanes.size
    },
    of(facts, rules) {
      const { tenant, access, origin } = facts
      const key = `${tenant.id} ${access.sessionId} ${origin} ${rules}`
      const known = lanes.get(key)
      if (known !== undefined) return known
      if (lanes.size >= caps.lanes.default) throw new Fault('at-capacity', { detail: { why: 'lanes' } })
      context.flows.refuseOverLimit(tenant.id, access.sessionId)
      const lane = new WebLane(context, facts, () => {
        if (lanes.get(key) === lane) lanes.delete(key)
      })
      lanes.set(key, lane)
      return lane
    },
    close() {
      clearInterval(timer)
      for (const lane of lanes.values()) lane.cut('exchange-closed')
    },
  }
}
