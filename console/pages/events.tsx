// *Events*: what happened, filtered by what the URL says, live if wanted, one event in full beside the list.
import { Menu } from '@base-ui/react/menu'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useMemo, useState, useEffect, type ReactNode } from 'react'
import { readEvent, type EventView } from '#console/api/event-view.ts'
import { exportEvents, type ExportForm } from '#console/api/export-events.ts'
import { useLiveEvents } from '#console/api/live-events.ts'
import { listRefresh, usePages, useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { Button, buttonClass } from '#console/components/button.tsx'
import { NoMatch, PageFoot } from '#console/components/data-table.tsx'
import { EventDetail } from '#console/components/event-detail.tsx'
import { EventFacets } from '#console/components/event-facets.tsx'
import { EventTable } from '#console/components/event-table.tsx'
import { Icon } from '#console/components/icon.tsx'
import { Moment } from '#console/components/moment.tsx'
import { useNotice } from '#console/components/notice.tsx'
import { Page } from '#console/components/page.tsx'
import { SearchField } from '#console/components/search-field.tsx'
import { Empty } from '#console/components/state.tsx'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

const EventTimeline = lazy(async () => ({
  default: (await import('#console/components/event-timeline.tsx')).EventTimeline,
}))

type EventSearch = {
  readonly [key in 'search' | 'class' | 'user' | 'app' | 'outcome' | 'from' | 'until' | 'after' | 'event' | 'live']?:
    | string
    | undefined
}

const outcomes = ['success', 'failure'] as const

/** Only what the API takes as a time. */
const timeIn = (value: string | undefined): string | undefined => {
  const ms = value === undefined ? Number.NaN : Date.parse(value)
  return Number.isFinite(ms) ? new Date(ms).toISOString() : undefined
}

function useFilter(search: EventSearch) {
  const { user, app, search: words } = search
  const outcome = outcomes.find((entry) => entry === search.outcome)
  const classUid = Number(search.class) || undefined
  const from = timeIn(search.from)
  const until = timeIn(search.until)
  return useMemo(
    () => ({
      ...(words && { search: words }),
      ...(classUid !== undefined && { class: classUid }),
      ...(user && { user }),
      ...(app && { app }),
      ...(outcome && { outcome }),
      ...(from !== undefined && { from }),
      ...(until !== undefined && { until }),
    }),
    [words, classUid, user, app, outcome, from, until],
  )
}

export function EventsPage(): ReactNode {
  const tenant = useTenant()
  const search: EventSearch = useSearch({ strict: false })
  const navigate = useNavigate()
  const isLive = search.live === '1'
  const filter = useFilter(search)
  const { after } = search
  const query = { limit: caps.pageRows, ...filter, ...(after && { after }) }
  const list = usePages('listEvents', { params: { tenant }, query }, isLive ? { everyMs: false } : {})
  const counted = useRoute('countEvents', { params: { tenant }, query: filter }, { ...listRefresh, keep: true })
  const wanted = useMemo(() => {
    const words = filter.search?.toLowerCase()
    return (event: EventView) =>
      (filter.class === undefined || event.classUid === filter.class) &&
      (!filter.user || event.user === filter.user) &&
      (!filter.app || event.app === filter.app) &&
      (filter.outcome === undefined || event.ok === (filter.outcome === 'success')) &&
      (filter.until === undefined || event.timeMs <= Date.parse(filter.until)) &&
      (!words || JSON.stringify(event.raw).toLowerCase().includes(words))
  }, [filter])
  const live = useLiveEvents(tenant, wanted, isLive)
  const events = useMemo(() => {
    const past = list.items?.map(readEvent)
    if (!isLive || past === undefined) return past
    const byUid = new Map([...live.events, ...past].map((event) => [event.uid, event]))
    return [...byUid.values()].sort((a, b) => b.timeMs - a.timeMs)
  }, [list.items, live.events, isLive])
  const found = events?.find((event) => event.uid === search.event)
  // Refreshing may move an event off this page: what is open stays open.
  const [opened, setOpened] = useState<EventView | null>(null)
  useEffect(() => {
    if (found) setOpened(found)
  }, [found])
  const chosen = search.event === undefined ? null : (found ?? (opened?.uid === search.event ? opened : null))
  const change = (next: Partial<EventSearch>) =>
    void navigate({ to: '.', search: (before: object) => ({ ...before, after: undefined, ...next }), replace: true })
  const linkSearch = useMemo(() => ({ ...search, event: undefined }), [search])
  const isFiltered = Object.keys(filter).length > 0
  return (
    <Page
      title={text.eventsPage.title}
      acts={
        <>
          <ExportMenu tenant={tenant} query={filter} />
          <Button aria-pressed={isLive} onClick={() => change({ live: isLive ? undefined : '1' })}>
            {isLive && (
              <span className={`live-dot${live.state === 'away' ? ' live-dot-away' : ''}`} aria-hidden="true" />
            )}
            {isLive ? text.eventsPage.liveStates[live.state] : text.eventsPage.live}
          </Button>
        </>
      }
    >
      <div className="stack">
        <div className="toolbar">
          <SearchField label={text.eventsPage.search} />
          <select
            className="input"
            aria-label={text.eventsPage.outcome}
            value={filter.outcome ?? ''}
            onChange={(event) => change({ outcome: event.target.value || undefined })}
          >
            <option value="">{text.eventsPage.anyOutcome}</option>
            <option value="success">{text.eventsPage.success}</option>
            <option value="failure">{text.eventsPage.failure}</option>
          </select>
          <SearchField field="user" label={text.eventsPage.person} />
          <SearchField field="app" label={text.eventsPage.app} />
          {(filter.from ?? filter.until) !== undefined && (
            <span className="row small">
              {filter.from !== undefined && (
                <>
                  {text.eventsPage.from} <Moment at={filter.from} form="day-time" />
                </>
              )}
              {filter.until !== undefined && (
                <>
                  {text.eventsPage.until} <Moment at={filter.until} form="day-time" />
                </>
              )}
              <Button look="text" inRow onClick={() => change({ from: undefined, until: undefined })}>
                {text.eventsPage.wholeTime}
              </Button>
            </span>
          )}
        </div>
        {counted.data && counted.data.total > 0 && (
          <div className="panel">
            <div className="timeline-panel">
              <Suspense fallback={null}>
                <EventTimeline
                  counted={counted.data}
                  label={text.eventsPage.timeline(counted.data.total, counted.data.isPartial)}
                  onRange={(from, until) =>
                    change({ from: new Date(from).toISOString(), until: new Date(until).toISOString() })
                  }
                />
              </Suspense>
              <p className="small quiet">{text.eventsPage.counted(counted.data.total, counted.data.isPartial)}</p>
            </div>
            <EventFacets counted={counted.data} search={search} />
          </div>
        )}
        <div className={`events-split${chosen ? ' has-detail' : ''}`}>
          <EventTable
            events={events}
            error={list.error}
            onRetry={list.retry}
            isStale={list.isStale}
            chosen={chosen?.uid ?? null}
            search={linkSearch}
            {...(!isLive && { onEnd: list.readMore })}
            empty={isFiltered ? <NoMatch /> : <Empty title={text.eventsPage.empty} lead={text.eventsPage.emptyLead} />}
            foot={
              <PageFoot
                shown={events?.length ?? 0}
                total={null}
                next={isLive ? null : list.next}
                after={after}
                more={list}
              />
            }
          />
          {chosen && (
            <EventDetail
              event={chosen}
              onClose={() =>
                void navigate({
                  to: '.',
                  search: (before: object) => ({ ...before, event: undefined }),
                  resetScroll: false,
                })
              }
            />
          )}
        </div>
      </div>
    </Page>
  )
}

function ExportMenu({
  tenant,
  query,
}: {
  readonly tenant: string
  readonly query: ReturnType<typeof useFilter>
}): ReactNode {
  const notice = useNotice()
  const [isBusy, setBusy] = useState(false)
  const run = async (form: ExportForm) => {
    setBusy(true)
    try {
      const { events, isMore } = await exportEvents(tenant, query, form)
      notice({ words: text.eventsPage.exported(events, isMore) })
    } catch {
      notice({ words: text.eventsPage.exportFailed })
    } finally {
      setBusy(false)
    }
  }
  return (
    <Menu.Root>
      <Menu.Trigger className={buttonClass()} disabled={isBusy}>
        <Icon name="download" size={14} /> {isBusy ? text.eventsPage.exporting : text.eventsPage.export}
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="menu-place" sideOffset={6} align="end">
          <Menu.Popup className="menu">
            {(['ndjson', 'csv'] as const).map((form) => (
              <Menu.Item key={form} className="menu-item" onClick={() => void run(form)}>
                {text.eventsPage[form]}
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}
