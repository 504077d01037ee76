// W3C Trace Context: who may bring one, and what an app is told. Must never believe a `traceparent` of a peer that is not
// listed, nor pass anything on but the four fields of version 00.
import { addressList } from '#transport/address-list.ts'

export type TraceParent = { readonly traceId: string; readonly spanId: string; readonly isSampled: boolean }

/** Version 00 as the recommendation writes it, nothing else: lower case, no zero ids. */
export function parseTraceparent(text: string | undefined): TraceParent | undefined {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text ?? '')
  const [, traceId = '', spanId = '', flags = ''] = match ?? []
  if (match === null || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** The ids that a request has in traces are those of its event: one id leads from the journal to the trace and back. */
export function idsOf(eventId: string): { readonly traceId: string; readonly spanId: string } {
  const hex = eventId.replaceAll('-', '')
  return { traceId: hex, spanId: hex.slice(16) }
}

export type TraceContextConfig = {
  /** Addresses and networks whose `traceparent` is believed. */
  readonly trustedPeers: readonly string[]
  /** Whether apps are told. */
  readonly tellApps: boolean
  /** Share of traces that are kept, 0 to 1. */
  readonly sample: number
}

export function isSampled(traceId: string, sample: number): boolean {
  return Number.parseInt(traceId.slice(0, 8), 16) < sample * 2 ** 32
}

export function createTraceHeaders({ trustedPeers, tellApps, sample }: TraceContextConfig) {
  const peers = addressList(trustedPeers)
  return (came: string | undefined, clientIp: string, eventId: string) => {
    const parent = came !== undefined && peers.includes(clientIp) ? parseTraceparent(came) : undefined
    const own = idsOf(eventId)
    const traceId = parent?.traceId ?? own.traceId
    const flag = (parent?.isSampled ?? isSampled(traceId, sample)) ? '01' : '00'
    return {
      trusted: parent === undefined ? undefined : came,
      forward: tellApps ? `00-${traceId}-${own.spanId}-${flag}` : undefined,
    }
  }
}
