// Bytes a second from two looks at live flows. A flow seen once has no rate yet; one that ended counts until its last look.
import type { LiveFlow } from '#core/wire/feed.ts'

export type RateSample = { readonly atMs: number; readonly fromApps: number; readonly toApps: number }
export type Look = {
  readonly atMs: number
  readonly flows: readonly Pick<LiveFlow, 'flowId' | 'bytesIn' | 'bytesOut' | 'userName'>[]
}

/** Rates between two looks, and who moved bytes. `bytesIn` is what people sent to apps, `bytesOut` what came back. */
export function ratesBetween(
  before: Look,
  after: Look,
): { readonly sample: RateSample; readonly busyPeople: ReadonlySet<string> } {
  const seconds = Math.max(0.001, (after.atMs - before.atMs) / 1000)
  const earlier = new Map(before.flows.map((flow) => [flow.flowId, flow]))
  const busyPeople = new Set<string>()
  let toApps = 0
  let fromApps = 0
  for (const flow of after.flows) {
    const then = earlier.get(flow.flowId)
    if (!then) continue
    const sent = Math.max(0, flow.bytesIn - then.bytesIn)
    const received = Math.max(0, flow.bytesOut - then.bytesOut)
    if (sent + received > 0) busyPeople.add(flow.userName)
    toApps += sent
    fromApps += received
  }
  return { sample: { atMs: after.atMs, toApps: toApps / seconds, fromApps: fromApps / seconds }, busyPeople }
}
