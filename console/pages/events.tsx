// *Events*: what happened, filtered by what the URL says, live if wanted, one event in full beside the list.
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState, useEffect, type ReactNode } from 'react'
import { eventClassIds, readEvent, type EventView } from '#console/api/event-view.ts'
import { useLiveEvents } from '#console/api/live-events.ts'
import { listRefresh, useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { Button } from '#console/components/button.tsx'
import { NoMatch, PageFoot } from '#console/components/data-table.tsx'
import { EventDetail } from '#console/components/event-detail.tsx'
import { EventTable } from '#console/components/event-table.tsx'
import { Page } from '#console/components/page.tsx'
import { SearchField } from '#console/components/search-field.tsx'
import { Empty } from '#console/components/state.tsx'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

type EventSearch = {
  readonly [key in 'class' | 'user' | 'app' | 'outcome' | 'after' | 'event' | 'live']?: string | undefined
}

const outcomes = ['success', 'failure'] as const

export function EventsPage(): ReactNode {
  const tenant = useTenant()
  const search: EventSearch = useSearch({ strict: false })
  const navigate = useNavigate()
  const isLive = search.live === '1'
  const outcome = outcomes.find((entry) => entry === search.outcome)
  const classUid = Number(search.class) || undefined
  const { user, app, after } = search
  const query = {
    limit: caps.pageRows,
    ...(classUid && { class: classUid }),
    ...(user && { user }),
    ...(app && { app }),
    ...(outcome && { outcome }),
    ...(after && { after }),
  }
  const list = useRoute('listEvents', { params: { tenant }, query }, isLive ? { keep: true } : listRefresh)
  const wanted = useMemo(
    () => (event: EventView) =>
      (classUid === undefined || event.classUid === classUid) &&
      (!user || event.user === user) &&
      (!app || event.app === app) &&
      (outcome === undefined || event.ok === (outcome === 'success')),
    [classUid, user, app, outcome],
  )
  const live = useLiveEvents(tenant, wanted, isLive)
  const events = useMemo(() => {
    const past = list.data?.items.map(readEvent)
    if (!isLive || past === undefined) return past
    const byUid = new Map([...live.events, ...past].map((event) => [event.uid, event]))
    return [...byUid.values()].sort((a, b) => b.timeMs - a.timeMs).slice(0, caps.liveEvents)
  }, [list.data, live.events, isLive])
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
  const isFiltered = Boolean(classUid || user || app || outcome)
  return (
    <Page
      title={text.eventsPage.title}
      acts={
        <Button aria-pressed={isLive} onClick={() => change({ live: isLive ? undefined : '1' })}>
          {isLive && <span className={`live-dot${live.state === 'away' ? ' live-dot-away' : ''}`} aria-hidden="true" />}
          {isLive ? text.eventsPage.liveStates[live.state] : text.eventsPage.live}
        </Button>
      }
    >
      <div className="stack">
        <div className="toolbar">
          <select
            className="input"
            aria-label={text.eventsPage.class}
            value={search.class ?? ''}
            onChange={(event) => change({ class: event.target.value || undefined })}
          >
            <option value="">{text.eventsPage.anyClass}</option>
            {eventClassIds.map((uid) => (
              <option key={uid} value={uid}>
                {text.events.classes[uid]}
              </option>
            ))}
          </select>
          <select
            className="input"
            aria-label={text.eventsPage.outcome}
            value={outcome ?? ''}
            onChange={(event) => change({ outcome: event.target.value || undefined })}
          >
            <option value="">{text.eventsPage.anyOutcome}</option>
            <option value="success">{text.eventsPage.success}</option>
            <option value="failure">{text.eventsPage.failure}</option>
          </select>
          <SearchField field="user" label={text.eventsPage.person} />
          <SearchField field="app" label={text.eventsPage.app} />
        </div>
        <div className={`events-split${chosen ? ' has-detail' : ''}`}>
          <EventTable
            events={events}
            error={list.error}
            onRetry={() => void list.refetch()}
            isStale={list.isPlaceholderData}
            chosen={chosen?.uid ?? null}
            search={linkSearch}
            empty={isFiltered ? <NoMatch /> : <Empty title={text.eventsPage.empty} lead={text.eventsPage.emptyLead} />}
            foot={
              <PageFoot
                shown={events?.length ?? 0}
                total={null}
                next={isLive ? null : (list.data?.next ?? null)}
                after={after}
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
