// One event of the way to the internet with everything that is known: what was found, by which rule, and what else
// belongs to the same request. Must never show a value that was found: events hold none.
import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { readEvent, type EventView } from '#console/api/event-view.ts'
import { plain } from '#console/api/plain-text.ts'
import { useRoute } from '#console/api/use-route.ts'
import { buttonClass } from '#console/components/button.tsx'
import { EventDetail } from '#console/components/event-detail.tsx'
import { summaryOf } from '#console/components/event-table.tsx'
import { Facts, Page, Section, Tags, type Fact } from '#console/components/page.tsx'
import { Failed } from '#console/components/state.tsx'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

export function WebStopPage(): ReactNode {
  const tenant = useTenant()
  const { event: uid = '' } = useParams({ strict: false })
  const stop = useRoute('webStop', { params: { tenant, id: uid } })
  const event = stop.data && readEvent({ cursor: uid, event: stop.data.event })
  const related = stop.data?.related.map((one, at) => readEvent({ cursor: `${uid} ${at}`, event: one })) ?? []
  const decision = [event, ...related].find((one) => one?.isDecision === true)
  return (
    <Page
      title={event?.target ?? text.web.title}
      crumb={
        <Link to="/t/$tenant/web" params={{ tenant }}>
          {text.web.title}
        </Link>
      }
      acts={
        decision && (
          <Link
            to="/t/$tenant/explain"
            params={{ tenant }}
            search={{ event: decision.uid }}
            className={buttonClass('plain')}
          >
            {text.web.explain}
          </Link>
        )
      }
    >
      {stop.isError && <Failed error={stop.error} onRetry={() => void stop.refetch()} />}
      {event && (
        <div className="stack-wide">
          <Section title={text.web.finding} hint={text.web.masked}>
            <Facts facts={factsOf(event)} wide />
          </Section>
          <EventDetail event={event} />
          <Section title={text.web.related}>
            {related.length === 0 ? (
              <p className="state state-small">{text.web.relatedNone}</p>
            ) : (
              related.map((one) => (
                <div key={one.uid} className="stack">
                  <h3>
                    <Link to="/t/$tenant/web/stops/$event" params={{ tenant, event: one.uid }}>
                      {summaryOf(one)}
                    </Link>
                  </h3>
                  <Facts facts={factsOf(one)} wide />
                </div>
              ))
            )}
          </Section>
        </div>
      )}
    </Page>
  )
}

function factsOf({ raw, message }: EventView): readonly (Fact | false)[] {
  const own = record(raw['unmapped'])
  const web = { ...record(own['dns']), ...record(own['web']) }
  const said = (label: string, value: unknown): Fact | false =>
    (typeof value === 'string' || typeof value === 'number') && [label, plain(String(value))]
  const listed = (label: string, value: unknown): Fact | false =>
    Array.isArray(value) &&
    value.length > 0 && [label, <Tags key={label} names={value.map((one) => plain(String(one)))} />]
  const unique = Object.entries(record(web['unique'])).map(([type, n]) => text.web.uniqueOf(type, Number(n) || 0))
  const bytes = web['bytes']
  return [
    said(text.web.what, message),
    said(text.web.direction, web['direction']),
    said(text.web.verdict, web['verdict']),
    said(text.web.action, web['action']),
    said(text.web.because, web['stoppedBecause'] ?? web['explanation'] ?? web['reason'] ?? web['why']),
    listed(text.web.types, web['findings']),
    listed(text.web.unique, unique),
    said(text.web.fileType, web['fileType']),
    typeof bytes === 'number' && [text.web.size, text.web.sizeOf(bytes)],
    said(text.web.service, record(web['prompt'])['service']),
    said(text.web.score, web['score']),
    listed(text.web.category, web['categories']),
    listed(text.web.aliases, web['aliases']),
    listed(text.web.removed, web['removed']),
    listed(text.web.name, web['examples']),
  ]
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}
