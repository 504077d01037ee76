// Denials in words: who, what, when, why.
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { EventView } from '#console/api/event-view.ts'
import { text } from '#console/messages/text.ts'
import { Moment } from './moment.tsx'
import { Failed } from './state.tsx'
import { Glyph } from './status.tsx'
import { useTenant } from './who.ts'

export function DenialList({
  events,
  error,
  empty = text.now.denialsEmpty,
}: {
  readonly events: readonly EventView[] | undefined
  readonly error: unknown
  readonly empty?: string
}): ReactNode {
  const tenant = useTenant()
  if (events === undefined && error) {
    return (
      <div className="panel">
        <Failed error={error} />
      </div>
    )
  }
  if (events?.length === 0) {
    return (
      <div className="panel state state-small">
        <p>{empty}</p>
      </div>
    )
  }
  return (
    <ul className="panel denials denials-lines">
      {(events ?? []).map((event) => (
        <li key={event.uid}>
          <Glyph kind="deny" />
          <Link
            to="/t/$tenant/events"
            params={{ tenant }}
            search={{ outcome: 'failure', event: event.uid }}
            className="ellipsis"
          >
            {event.user ?? text.state.unknown} →{' '}
            {event.app ?? event.target ?? text.events.classes[event.classUid] ?? ''}
          </Link>
          <span className="small quiet">
            <Moment at={event.timeMs} />
          </span>
          <span className="denial-text">
            {event.message ?? event.missing[0] ?? event.reason ?? text.events.classes[event.classUid]}
          </span>
        </li>
      ))}
    </ul>
  )
}
