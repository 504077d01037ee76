// The lanes of all sessions to all sites. Must never find a lane for another session, another site, or a connection that
// was made under other rules on certificates.
import type { ExchangeContext } from '#exchange/context.ts'
import { createLaneTable, type LaneTable } from '#exchange/flows/lane-table.ts'
import { caps } from './caps.ts'
import { WebLane, type WebLaneFacts } from './web-lane.ts'

export type WebLanes = Pick<LaneTable<WebLane>, 'close' | 'count'> & {
  /** `rules`: whatever a connection of this lane was accepted under. Throws Fault `at-capacity`. */
  readonly of: (facts: WebLaneFacts, rules: string) => WebLane
}

export function createWebLanes(context: ExchangeContext): WebLanes {
  const table = createLaneTable<WebLane>(context, caps.lanes.default)
  return {
    get count() {
      return table.count
    },
    of(facts, rules) {
      const { tenant, access, origin } = facts
      const owner = { tenantId: tenant.id, sessionId: access.sessionId }
      const key = `${tenant.id} ${access.sessionId} ${origin} ${rules}`
      return table.of(key, owner, (onEnd) => new WebLane(context, facts, onEnd))
    },
    close: table.close,
  }
}
