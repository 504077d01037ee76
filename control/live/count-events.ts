// Events counted by time and by what they are about, for the page that searches them. Pure; how many are looked at is the
// caller's bound.
import type { ReplyOf } from '#core/api/route.ts'
import type { routes } from '#core/api/routes.ts'

type Counted = ReplyOf<(typeof routes)['countEvents']>
type Event = Readonly<Record<string, unknown>>

const mostBuckets = 60
const mostValues = 8
/** Lengths that people read well, in ms: from a second to four weeks. */
const steps = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800, 2_419_200].map(
  (seconds) => seconds * 1000,
)

export function countEvents(
  events: readonly Event[],
  isPartial: boolean,
  { fromMs, untilMs }: { readonly fromMs?: number | undefined; readonly untilMs?: number | undefined },
): Counted {
  const times = events.map((event) => number(event['time'])).filter((time) => time > 0)
  const first = fromMs ?? times.reduce((least, time) => Math.min(least, time), Infinity)
  const last = untilMs ?? times.reduce((most, time) => Math.max(most, time), 0)
  const bucketMs = steps.find((step) => (last - first) / step < mostBuckets) ?? Math.ceil((last - first) / mostBuckets)
  const begin = Math.floor(first / bucketMs) * bucketMs
  const buckets: Counted['buckets'] = []
  if (Number.isFinite(begin) && last >= first)
    for (let atMs = begin; atMs <= last && buckets.length < 2 * mostBuckets; atMs += bucketMs)
      buckets.push({ atMs, ok: 0, failed: 0 })
  for (const event of events) {
    const bucket = buckets[Math.floor((number(event['time']) - begin) / bucketMs)]
    if (!bucket) continue
    if (event['status_id'] === 1) bucket.ok++
    else bucket.failed++
  }
  return {
    total: events.length,
    isPartial,
    buckets,
    bucketMs,
    classes: top(events, (event) => event['class_uid']),
    users: top(events, (event) => part(part(event['actor'], 'user'), 'name')),
    apps: top(events, (event) => event['app_name']),
    reasons: top(events, (event) => (event['status_id'] === 1 ? undefined : event['status_code'])),
  }
}

function top(events: readonly Event[], valueOf: (event: Event) => unknown): { value: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const event of events) {
    const value = valueOf(event)
    if (typeof value !== 'string' && typeof value !== 'number') continue
    const key = String(value)
    if (key !== '') counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, mostValues)
}

const part = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
const number = (value: unknown): number => (typeof value === 'number' ? value : 0)
