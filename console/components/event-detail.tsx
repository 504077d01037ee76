// One event in full: why it was decided so, the facts, and the record as it was written.
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { isOutage, type EventView } from '#console/api/event-view.ts'
import { plainJson } from '#console/api/plain-text.ts'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'
import { Button, buttonClass } from './button.tsx'
import { outcomeOf, summaryOf } from './event-table.tsx'
import { Icon } from './icon.tsx'
import { bytes, lasting, Moment } from './moment.tsx'
import { Facts } from './page.tsx'
import { Glyph } from './status.tsx'
import { useTenant } from './who.ts'

export function EventDetail({
  event,
  onClose,
}: {
  readonly event: EventView
  /** Absent: it is no side panel that could be closed. */
  readonly onClose?: () => void
}): ReactNode {
  const tenant = useTenant()
  const mono = (value: string | null) => value !== null && <span className="mono">{value}</span>
  const fact = (label: string, value: string | null) => value !== null && ([label, mono(value)] as const)
  return (
    <aside className="panel event-detail" aria-label={text.eventsPage.detail}>
      <div className="row">
        <h2 className="ellipsis">{text.events.classes[event.classUid] ?? text.events.other(event.classUid)}</h2>
        {outcomeOf(event)}
        {onClose && (
          <span className="toolbar-end">
            <Button look="text" inRow aria-label={text.action.close} onClick={onClose}>
              <Icon name="close" size={14} />
            </Button>
          </span>
        )}
      </div>
      <p className="second">{summaryOf(event)}</p>
      <Why event={event} />
      {event.user !== null && event.app !== null && (
        <div>
          <Link
            to="/t/$tenant/explain"
            params={{ tenant }}
            search={{ user: event.user, app: event.app }}
            className={buttonClass('plain', true)}
          >
            {text.eventsPage.explain}
          </Link>
        </div>
      )}
      <Facts
        facts={[
          [text.column.when, <Moment key="w" at={event.timeMs} form="day-time" />],
          event.user !== null && [
            text.column.person,
            <Link key="p" to="/t/$tenant/people/$name" params={{ tenant, name: event.user }}>
              {event.user}
            </Link>,
          ],
          event.app !== null && [
            text.column.app,
            <Link key="a" to="/t/$tenant/apps/$name" params={{ tenant, name: event.app }}>
              {event.app}
            </Link>,
          ],
          event.operation !== null && [text.eventsPage.operation, text.events.operation(event.operation)],
          fact(text.eventsPage.target, event.operation === null ? event.target : event.resource),
          event.http !== null && [
            text.eventsPage.request,
            mono(
              `${event.http.method} ${event.http.path}${event.http.status === null ? '' : ` → ${event.http.status}`}`,
            ),
          ],
          fact(text.column.from, event.ip),
          event.traffic !== null && [
            text.eventsPage.traffic,
            `${bytes(event.traffic.bytesOut)} / ${bytes(event.traffic.bytesIn)}`,
          ],
          event.durationMs !== null && [text.eventsPage.duration, lasting(event.durationMs)],
          fact(text.eventsPage.session, event.sessionId),
          fact(text.eventsPage.device, event.deviceId),
          fact(text.eventsPage.flow, event.flowId),
          fact(text.eventsPage.exchange, event.exchangeId),
          fact(text.eventsPage.connector, event.connectorId),
          fact(text.eventsPage.id, event.uid),
        ]}
      />
      <WhatElse event={event} />
      <div className="stack">
        <h3>{text.eventsPage.raw}</h3>
        <pre className="raw" tabIndex={0} role="region" aria-label={text.eventsPage.raw}>
          {plainJson(event.raw)}
        </pre>
      </div>
    </aside>
  )
}

/** Other events that may tell more of this one. */
function WhatElse({ event }: { readonly event: EventView }): ReactNode {
  const tenant = useTenant()
  const near = {
    from: new Date(event.timeMs - caps.nearEventMs).toISOString(),
    until: new Date(event.timeMs + caps.nearEventMs).toISOString(),
  }
  const ways: readonly (readonly [label: string, search: Readonly<Record<string, string>>])[] = [
    ...(event.sessionId === null ? [] : [[text.eventsPage.ofSession, { search: event.sessionId }] as const]),
    ...(event.flowId === null ? [] : [[text.eventsPage.ofFlow, { search: event.flowId }] as const]),
    ...(event.user === null ? [] : [[text.eventsPage.ofPersonNear, { user: event.user, ...near }] as const]),
    ...(event.app === null ? [] : [[text.eventsPage.ofAppNear, { app: event.app, ...near }] as const]),
    ...(event.ip === null ? [] : [[text.eventsPage.ofAddress, { search: event.ip }] as const]),
  ]
  if (ways.length === 0) return null
  return (
    <div className="stack">
      <h3>{text.eventsPage.whatElse}</h3>
      <div className="what-else">
        {ways.map(([label, search]) => (
          <Link key={label} to="/t/$tenant/events" params={{ tenant }} search={{ ...search, event: event.uid }}>
            {label}
          </Link>
        ))}
      </div>
    </div>
  )
}

function Why({ event }: { readonly event: EventView }): ReactNode {
  const tenant = useTenant()
  if (
    event.policies.length === 0 &&
    event.missing.length === 0 &&
    event.reason === null &&
    (event.ok || !event.isDecision)
  )
    return null
  return (
    <div className="stack">
      <h3>{text.eventsPage.why}</h3>
      {!event.ok && (event.reason ?? event.message) !== null && (
        <p>
          {isOutage(event) ? text.eventsPage.whyUnavailable : text.eventsPage.whyDenied}{' '}
          {event.reason === null ? event.message : text.events.reasons(event.reason)}
        </p>
      )}
      {event.policies.length > 0 ? (
        <p className="row">
          {event.ok ? text.eventsPage.whyAllowed : text.eventsPage.forbiddenBy}
          {event.policies.map((name) => (
            <Link
              key={name}
              to="/t/$tenant/policies/$name"
              params={{ tenant, name: name.split('#')[0] || name }}
              className="tag"
            >
              {name}
            </Link>
          ))}
        </p>
      ) : (
        !event.ok && event.isDecision && <p className="second">{text.eventsPage.noPolicy}</p>
      )}
      {event.missing.length > 0 && (
        <>
          <p>{text.eventsPage.whyMissing}</p>
          <ul className="conditions">
            {event.missing.map((line) => (
              <li key={line}>
                <Glyph kind="deny" />
                <span>{line}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}
