// The live flows of one tenant as sums for each person and app, for a picture of all of them: 50,000 flows are one small
// message. Must never name a flow of another tenant, nor keep what has ended.
import type { FlowSum } from '#core/wire/feed.ts'
import { caps } from '#exchange/caps.ts'
import type { Flow, LiveFlows } from '#exchange/flows/live-flows.ts'

/** What each flow had carried when it was last summed; forgotten with the flow. */
const before = new WeakMap<Flow, { in: number; out: number }>()

type Sum = { userId: string; appId: string; isWeb: boolean; flows: number; bytesIn: number; bytesOut: number }

/** The busiest pairs first; `bytesIn` and `bytesOut` are what moved since the sums before. */
export function sumFlows(tenantId: string, live: LiveFlows): { readonly sums: FlowSum[]; readonly total: number } {
  const sums = new Map<string, Sum>()
  let total = 0
  for (const flow of live.ofTenant(tenantId)) {
    if (!flow.isListed) continue
    total++
    const { userId, appId } = flow.access
    const isWeb = flow.way === 'web' || flow.way === 'passed'
    const key = isWeb ? `${userId} web` : `${userId} ${appId}`
    const now = flow.bytes()
    const then = before.get(flow)
    let sum = sums.get(key)
    if (!sum) sums.set(key, (sum = { userId, appId: isWeb ? '' : appId, isWeb, flows: 0, bytesIn: 0, bytesOut: 0 }))
    sum.flows++
    // What a flow carried before anybody looked has no time that it could be divided by.
    if (then) {
      sum.bytesIn += Math.max(0, now.in - then.in)
      sum.bytesOut += Math.max(0, now.out - then.out)
      then.in = now.in
      then.out = now.out
    } else before.set(flow, { in: now.in, out: now.out })
  }
  const busiest = [...sums.values()]
  if (busiest.length > caps.flowSums.default) busiest.sort((a, b) => b.flows - a.flows)
  return { sums: busiest.slice(0, caps.flowSums.default), total }
}
