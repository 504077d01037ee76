// Denials and outages of the last minutes: what the journal has, and each new one as it happens.
import { useMemo, useState } from 'react'
import { isOutage, isRefusal, readEvent, type EventView } from '#console/api/event-view.ts'
import { useLiveEvents } from '#console/api/live-events.ts'
import { useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'

export function useDenials(tenant: string): {
  readonly events: readonly EventView[] | undefined
  readonly outages: readonly EventView[] | undefined
  readonly isMore: boolean
  readonly error: unknown
} {
  // The beginning of the window moves once a minute at most: it is part of the cache key.
  const [openedAtMs] = useState(() => Math.floor(Date.now() / 60_000) * 60_000)
  const from = new Date(openedAtMs - caps.denialWindowMs).toISOString()
  const past = useRoute(
    'listEvents',
    { params: { tenant }, query: { outcome: 'failure', from, limit: caps.pageRows } },
    { everyMs: caps.listEveryMs },
  )
  const live = useLiveEvents(tenant, isRefusal)
  const all = useMemo(() => {
    if (past.data === undefined) return undefined
    const since = Date.now() - caps.denialWindowMs
    const byUid = new Map<string, EventView>()
    for (const event of [...live.events, ...past.data.items.map(readEvent).filter(isRefusal)]) {
      if (event.timeMs >= since) byUid.set(event.uid, event)
    }
    return [...byUid.values()].sort((a, b) => b.timeMs - a.timeMs)
  }, [past.data, live.events])
  const { events, outages } = useMemo(
    () => ({ events: all?.filter((event) => !isOutage(event)), outages: all?.filter(isOutage) }),
    [all],
  )
  return { events, outages, isMore: past.data?.next !== null && past.data !== undefined, error: past.error }
}
