// The lanes of all sessions: one per (tenant, session, app). Must never find a lane for another session.
import { caps } from '#exchange/caps.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { createLaneTable, type LaneTable } from '#exchange/flows/lane-table.ts'
import { Lane, type LaneFacts } from './lane.ts'

export type Lanes = Pick<LaneTable<Lane>, 'closeIdle' | 'close' | 'count'> & {
  /** The lane of a session and an app, begun when there is none. Throws Fault `at-capacity`. */
  readonly of: (facts: LaneFacts) => Lane
}

export function createLanes(context: ExchangeContext): Lanes {
  const table = createLaneTable<Lane>(context, caps.lanes.default)
  return {
    get count() {
      return table.count
    },
    of(facts) {
      const { tenant, access, app } = facts
      const owner = { tenantId: tenant.id, sessionId: access.sessionId }
      const key = `${tenant.id} ${access.sessionId} ${app.id}`
      return table.of(key, owner, (onEnd) => new Lane(context, facts, onEnd))
    },
    closeIdle: table.closeIdle,
    close: table.close,
  }
}
