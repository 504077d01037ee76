// Pivoting: the events in which one field has one value, and how often each value of another field occurs in them. Only
// equality, never a pattern; bounded, and it says when there was more than it looked through.
import type { ReplyOf, QueryOf } from '#core/api/route.ts'
import type { incidentRoutes } from '#core/api/incident-routes.ts'
import { Fault } from '#core/fault.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { valueAt } from './event-facts.ts'

type Route = (typeof incidentRoutes)['investigate']

const DAY_MS = 86_400_000
const SHOWN = 100
const COUNTS = 200
const pathForm = /^[a-z0-9_]{1,40}(\.[a-z0-9_]{1,40}){0,6}$/

export async function investigate(
  tenantId: string,
  { field, value, by, from, until, limit }: QueryOf<Route>,
  context: ControlContext,
): Promise<ReplyOf<Route>> {
  for (const path of [field, by])
    if (path !== undefined && !pathForm.test(path))
      throw new Fault('request-malformed', { hint: `"${path}" is no path such as actor.user.name.` })
  if ((field === undefined) !== (value === undefined))
    throw new Fault('request-malformed', { hint: 'Give field and value together.' })
  const nowMs = context.nowMs()
  const fromMs = Math.max(
    from === undefined ? nowMs - 7 * DAY_MS : Date.parse(from),
    nowMs - caps.incidentDays.default * DAY_MS,
  )
  const list = (wanted: string | number | undefined) =>
    context.journal.list(tenantId, {
      limit: caps.incidentLook.default,
      fields: field === undefined || wanted === undefined ? {} : { [field]: wanted },
      fromMs,
      ...(until !== undefined && { untilMs: Date.parse(until) }),
    })
  const asText = await list(value)
  // What looks like a number may be one in the event.
  const isNumber = value !== undefined && /^-?\d{1,15}$/.test(value)
  const asNumber = isNumber ? await list(Number(value)) : undefined
  const items = [...asText.items, ...(asNumber?.items ?? [])]
  const counts = new Map<string, { count: number; firstMs: number; lastMs: number }>()
  if (by !== undefined)
    for (const { event } of items) {
      const found = valueAt(event, by)
      if (typeof found !== 'string' && typeof found !== 'number') continue
      const atMs = typeof event['time'] === 'number' ? event['time'] : 0
      const counted = counts.getOrInsertComputed(String(found).slice(0, 300), () => ({
        count: 0,
        firstMs: atMs,
        lastMs: atMs,
      }))
      counted.count++
      counted.firstMs = Math.min(counted.firstMs, atMs)
      counted.lastMs = Math.max(counted.lastMs, atMs)
    }
  const sorted = [...counts].toSorted(([, a], [, b]) => b.count - a.count)
  return {
    items: items.slice(0, limit ?? SHOWN).map(({ event }) => ({ ...event })),
    counts: sorted.slice(0, COUNTS).map(([text, { count, firstMs, lastMs }]) => ({
      value: text,
      count,
      firstAt: new Date(firstMs).toISOString(),
      lastAt: new Date(lastMs).toISOString(),
    })),
    found: items.length,
    isPartial: asText.next !== null || (asNumber?.next ?? null) !== null || sorted.length > COUNTS,
  }
}
