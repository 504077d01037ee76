// Between the journal and those who write to it: once the spool is half full, each person and each tenant has a share of
// what is left. Must never keep an event back while there is room for all, nor lose one silently: it throws as a full spool.
import { Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { caps } from '#exchange/caps.ts'
import type { EventSink } from '#exchange/journal.ts'

export type Spool = EventSink & { readonly status: () => { readonly bytes: number; readonly maxBytes: number } }

/** How often the spool is looked at: it does not fill in between. */
const LOOK_EVERY_MS = 100

export function withShares(spool: Spool, monotonicMs = () => performance.now()): EventSink {
  /** Bytes written since the spool got tight, by person and by tenant. */
  const taken = new Map<string, number>()
  let lookedAtMs = Number.NEGATIVE_INFINITY
  let tightBytes: number | undefined

  return {
    append(tenantId, event) {
      if (isTight()) take(tenantId, event)
      return spool.append(tenantId, event)
    },
    stage(tenantId, event) {
      if (isTight()) take(tenantId, event)
      return spool.stage(tenantId, event)
    },
  }

  function isTight(): boolean {
    const nowMs = monotonicMs()
    if (nowMs - lookedAtMs >= LOOK_EVERY_MS) {
      lookedAtMs = nowMs
      const { bytes, maxBytes } = spool.status()
      const startsAt = maxBytes * caps.spoolTight.default
      tightBytes = bytes < startsAt ? undefined : maxBytes - startsAt
      if (tightBytes === undefined) taken.clear()
    }
    return tightBytes !== undefined
  }

  /** Throws Fault `journal-full` for whoever has had their share. */
  function take(tenantId: TenantId, event: object): void {
    const room = tightBytes ?? 0
    const bytes = Buffer.byteLength(JSON.stringify(event))
    const shares: [string, number][] = [[tenantId, room * caps.spoolTenantShare.default]]
    const person = personOf(event)
    if (person !== undefined) shares.push([`${tenantId} ${person}`, room * caps.spoolPersonShare.default])
    for (const [of, most] of shares) {
      if ((taken.get(of) ?? 0) + bytes > most) throw new Fault('journal-full', { detail: { reason: 'share', of } })
    }
    for (const [of] of shares) {
      const before = taken.get(of)
      // More people than are counted still share what their tenant has.
      if (before !== undefined || taken.size < caps.spoolShares.default) taken.set(of, (before ?? 0) + bytes)
    }
  }
}

function personOf(event: object): string | undefined {
  const uid = field(field(field(event, 'actor'), 'user'), 'uid')
  return typeof uid === 'string' ? uid : undefined
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
