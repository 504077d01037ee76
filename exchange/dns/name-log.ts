// Events of look-ups: who asked what, what came back, by which rule. Must never write one for an answer that was given
// a moment ago to the same session, nor lose count of those.
import type { Decision } from '#core/policy/decide.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import type { Access } from '#exchange/decide.ts'
import type { WebAsker } from '#exchange/outbound/web-access.ts'
import { caps } from './caps.ts'
import { HTTPS, SVCB, types, type DnsRecord, type Query } from './message.ts'
import { textOf } from './name.ts'
import { addressText } from './service-records.ts'

type Named = {
  readonly decision: Decision
  readonly access: Access
  readonly rcode: number
  readonly records: readonly DnsRecord[]
  readonly aliases: readonly string[]
  readonly removed: readonly string[]
  readonly why?: string
}

export type NameLog = {
  /** The decision to obey: the one given, or a denial because it could not be written. */
  readonly write: (asker: WebAsker, query: Query, named: Named) => { readonly decision: Decision }
}

type Recent = { readonly untilMs: number; repeats: number }

const typeNames: ReadonlyMap<number, string> = new Map([
  ...Object.entries(types).map(([name, code]) => [code, name] as const),
  [10, 'NULL'],
  [SVCB, 'SVCB'],
  [HTTPS, 'HTTPS'],
  [257, 'CAA'],
  [35, 'NAPTR'],
])

export function createNameLog(context: ExchangeContext): NameLog {
  const recent = new Map<string, Recent>()

  return {
    write({ tenant, session }, query, { decision, access, rcode, records, aliases, removed, why }) {
      const type = typeName(query.type)
      const policies = decision.policies.map(({ id }) => id).join()
      const key = `${session.id} ${query.name} ${type} ${rcode} ${decision.kind} ${policies}`
      const nowMs = context.now()
      const last = recent.get(key)
      if (last !== undefined && last.untilMs > nowMs) {
        last.repeats++
        return { decision }
      }
      const answers = records
        .slice(0, caps.answersInEvent.default)
        .map((record) => ({ type: typeName(record.type), rdata: dataText(record), ttl: record.ttl }))
      const categories = access.destination?.categories ?? []
      const journalled = context.journal.named(tenant, access, decision, {
        query: { host: query.name, type, rcode, answers },
        dns: {
          categories,
          ...(aliases.length > 0 && { aliases }),
          ...(removed.length > 0 && { removed }),
          ...(why !== undefined && { why }),
          ...(last !== undefined && last.repeats > 0 && { repeats: last.repeats }),
        },
      })
      // What could not be written is tried again with the next.
      if (journalled.decision === decision) remember(key, nowMs)
      return journalled
    },
  }

  function remember(key: string, nowMs: number): void {
    recent.delete(key)
    recent.set(key, { untilMs: nowMs + caps.repeatMs.default, repeats: 0 })
    const [oldest] = recent.keys()
    if (recent.size > caps.repeats.default && oldest !== undefined) recent.delete(oldest)
  }
}

export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`
}

function dataText({ type, data }: DnsRecord): string {
  if (type === types.A || type === types.AAAA) return addressText(data)
  const isName = type === types.CNAME || type === types.NS || type === types.PTR
  return (isName ? textOf(data) : undefined) ?? `${data.length} bytes`
}
