// Beside the six steps, re-decide: a change of what decisions rest on is held against every live flow that it touches,
// and what is no longer allowed is cut. Must never leave a touched flow undecided when it reports a change as done.
import type { ContainmentSubject } from '#core/records/containment.ts'
import type { Change, TenantRecords } from '#core/records/records.ts'
import { caps } from '#exchange/caps.ts'
import type { Flow, FlowIndexKind, LiveFlows } from '#exchange/flows/live-flows.ts'

export type ReDecideDeps = {
  readonly flows: LiveFlows
  /** Monotonic milliseconds. */
  readonly clock?: () => number
}

export type ReDecide = {
  /** Resolves with the number of flows cut, when every flow that the changes touch was decided again. */
  readonly afterChanges: (tenantId: string, changes: readonly Change[] | 'all') => Promise<number>
  /** Decides everything again, in slices: for facts that no change announces, such as the hour of the day. */
  readonly sweep: () => Promise<number>
}

export function createReDecide({ flows, clock = () => performance.now() }: ReDecideDeps): ReDecide {
  return {
    async afterChanges(tenantId, changes) {
      const places = changes === 'all' ? (['tenant'] as const) : changes.map(placeOf)
      // What names a person, a device, a session, an app or a connector touches few flows and cannot wait.
      let cut = 0
      for (const flow of touchedBy(tenantId, places)) cut += reconsider(flow)
      if (places.includes('tenant')) cut += await inSlices([...flows.ofTenant(tenantId)])
      return cut
    },
    sweep: () => inSlices([...flows]),
  }

  function reconsider(flow: Flow): number {
    const cut = flow.reconsider()
    flows.reschedule(flow)
    return cut
  }

  function touchedBy(tenantId: string, places: readonly Place[]): Set<Flow> {
    const touched = new Set<Flow>()
    for (const place of places) {
      if (typeof place === 'string') continue
      for (const flow of flows.of(tenantId, place.kind, place.id)) touched.add(flow)
    }
    return touched
  }

  async function inSlices(list: readonly Flow[]): Promise<number> {
    let cut = 0
    let sliceEndMs = clock() + caps.reDecideSliceMs.default
    for (const flow of list) {
      cut += reconsider(flow)
      if (clock() < sliceEndMs) continue
      // Traffic of everyone else goes on between slices.
      await new Promise((resolve) => setImmediate(resolve))
      sliceEndMs = clock() + caps.reDecideSliceMs.default
    }
    return cut
  }
}

type Place = 'tenant' | 'nothing' | { readonly kind: FlowIndexKind; readonly id: string }

function placeOf(change: Change): Place {
  if (change.op === 'put') return placeOfRecord(change.record)
  switch (change.kind) {
    case 'user':
    case 'device':
    case 'session':
    case 'app':
    case 'connector':
      return { kind: change.kind, id: change.id }
    case 'containment':
    case 'connectorGroup':
      // The end of a containment only allows more.
      return 'nothing'
    case 'tenant':
    case 'group':
    case 'appGroup':
    case 'organisation':
    case 'policy':
    case 'approval':
    case 'category':
    case 'webSettings':
      return 'tenant'
    case 'risk':
      // Forgotten because it has faded to nothing.
      return 'nothing'
    case 'webCredential':
      // Its session goes with it.
      return 'nothing'
  }
}

function placeOfRecord(record: TenantRecords): Place {
  switch (record.kind) {
    case 'user':
    case 'device':
    case 'session':
    case 'app':
    case 'connector':
      return { kind: record.kind, id: record.id }
    case 'approval':
      return { kind: 'user', id: record.userId }
    case 'containment':
    case 'risk':
      return placeOfSubject(record.subject)
    case 'connectorGroup':
    case 'webCredential':
      return 'nothing'
    case 'tenant':
    case 'group':
    case 'appGroup':
    case 'organisation':
    case 'policy':
    case 'category':
    case 'webSettings':
      return 'tenant'
  }
}

/** What names no single person, device or app is looked for in every flow of the tenant. */
function placeOfSubject({ kind, id }: { readonly kind: ContainmentSubject; readonly id: string }): Place {
  switch (kind) {
    case 'user':
    case 'device':
    case 'session':
    case 'app':
    case 'connector':
      return { kind, id }
    case 'organisation':
    case 'network':
    case 'host':
    case 'url':
    case 'hash':
    case 'category':
      return 'tenant'
  }
}
