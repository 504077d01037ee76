// The lanes of all sessions to all sites. Must never find a lane for another session, another site, or a connection that
// was made under other rules on certificates.
import type { ExchangeContext } from '#exchange/context.ts'
import { createLaneTable, type LaneTable } from '#exchange/flows/lane-table.ts'
import { caps } from './caps.ts'
import { WebLane, type WebLaneFacts } from './web-lane.ts'

export type WebLanes = Pick<LaneTable<WebLane>, 'close' | 'count'> & {
  /** `rules`: whatever a connection of this lane was accepted under. Throws Fault `at-capacity`. */
  readonly of: (at: LaneKey, make: () => WebLaneFacts) => WebLane
}

export type LaneKey = {
  readonly tenantId: string
  readonly sessionId: string
  readonly origin: string
  readonly rules: string
}

export function createWebLanes(context: ExchangeContext): WebLanes {
  const table = createLaneTable<WebLane>(context, caps.lanes.default)
  return {
    get count() {
      return table.count
    },
    of: (at, make) =>
      table.of(
        `${at.tenantId} ${at.sessionId} ${at.origin} ${at.rules}`,
        at,
        (onEnd) => new WebLane(context, make(), onEnd),
      ),
    close: table.close,
  }
}
