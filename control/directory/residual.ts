// What the subject of a lease still has, looked up where it would be: flows at every exchange, sessions at control. Must
// never say that nothing is left while an exchange has not answered.
import type { LiveFlow } from '#core/wire/feed.ts'
import { Fault } from '#core/fault.ts'
import { networkCovers } from '#core/records/contained-names.ts'
import { isCutting } from '#core/records/containment.ts'
import { parseIpaddr } from '#core/policy/ipaddr.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import { sessionsOf, usersOf } from './contain.ts'

export type Residual = {
  readonly isNone: boolean
  readonly flows: LiveFlow[]
  readonly sessions: string[]
  readonly missing: string[]
}

const MOST_FLOWS = 2000

/** Throws Fault `closing` without a feed; `request-malformed` where control cannot know. */
export async function residualOf(lease: Row<'containments'>, context: ControlContext): Promise<Residual> {
  const { tenantId, answer, scope, subjectKind } = lease
  if (subjectKind === 'url' || subjectKind === 'hash' || subjectKind === 'category')
    throw new Fault('request-malformed', { hint: `What is left of a ${subjectKind} is known to the exchanges alone.` })
  const { feed } = context.links
  if (!feed) throw new Fault('closing')
  const mirror = await context.mirrors.current(tenantId)
  const live = await feed.listFlows(tenantId, MOST_FLOWS, caps.flowsMs.default)
  const flows = isCutting(answer) ? live.items.filter((flow) => isUnder(flow, lease, mirror)) : []
  const isWhole = answer === 'contain' && scope === 'all'
  const subject = { kind: lease.subjectKind, id: lease.subjectId }
  const handle = context.store.forTenant(tenantId)
  const rows = isWhole ? await sessionsOf(handle, subject, usersOf(subject, mirror)) : []
  const sessions = rows.filter(({ expiresAtMs }) => expiresAtMs > context.nowMs()).map(({ id }) => id)
  // A list that was cut short says nothing about the rest of it.
  const isComplete = live.missing.length === 0 && live.total <= live.items.length
  return {
    isNone: isComplete && flows.length === 0 && sessions.length === 0,
    flows,
    sessions,
    missing: [...live.missing],
  }
}

/** By what an exchange tells of a flow; addresses and categories of sites are known to the exchanges alone. */
function isUnder(
  flow: LiveFlow,
  { subjectKind, subjectId, scope }: Row<'containments'>,
  mirror: TenantMirror,
): boolean {
  const isWeb = flow.way === 'web' || flow.way === 'passed' || flow.appId === ''
  if (scope !== 'all' && (scope === 'internet') !== isWeb) return false
  switch (subjectKind) {
    case 'user':
      return flow.userId === subjectId
    case 'session':
      return flow.sessionId === subjectId
    case 'device':
      return flow.deviceId === subjectId
    case 'app':
      return flow.appId === subjectId
    case 'connector':
      return flow.connectorId === subjectId
    case 'organisation':
      return mirror.get('user', flow.userId)?.organisationId === subjectId
    case 'network': {
      const range = parseIpaddr(subjectId)
      return range !== null && networkCovers(range, flow.clientIp)
    }
    case 'host':
      return flow.appName === subjectId || flow.appName.endsWith(`.${subjectId}`)
    case 'url':
    case 'hash':
    case 'category':
      return false
  }
}
