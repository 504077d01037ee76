// Events as a list; each opens in full by its address.
import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import { isOutage, type EventView } from '#console/api/event-view.ts'
import { text } from '#console/messages/text.ts'
import { DataTable, type Column, type TableState } from './data-table.tsx'
import { Moment } from './moment.tsx'
import { Status } from './status.tsx'
import { useTenant } from './who.ts'

export function outcomeOf(event: EventView): ReactNode {
  if (isOutage(event)) return <Status kind="warn">{text.status.unavailable}</Status>
  const word =
    event.isDecision || event.classUid === 3003
      ? event.ok
        ? text.status.allow
        : text.status.deny
      : event.ok
        ? text.status.ok
        : text.status.failed
  return <Status kind={event.ok ? 'allow' : 'deny'}>{word}</Status>
}

/** An act at the API in words: `putAdministrator` → `Set administrator: ada`. */
function actOf({ operation, resource }: EventView): string | null {
  if (operation === null) return null
  const words = text.events.operation(operation)
  return resource === null ? words : `${words}: ${resource}`
}

/** What happened, in few words. */
export function summaryOf(event: EventView): string {
  if (!event.ok && event.message !== null) return event.message
  if (event.http) return `${event.http.method} ${event.http.path}`
  return event.message ?? actOf(event) ?? event.target ?? event.activity
}

type Props = TableState & {
  readonly events: readonly EventView[] | undefined
  readonly chosen: string | null
  readonly search: Readonly<Record<string, string | undefined>>
}

export function EventTable({ events, chosen, search, ...state }: Props): ReactNode {
  const tenant = useTenant()
  const columns = useMemo<readonly Column<EventView>[]>(
    () => [
      {
        id: 'event',
        head: text.column.event,
        cell: (event) => (
          <Link
            to="/t/$tenant/events"
            params={{ tenant }}
            search={{ ...search, event: event.uid }}
            resetScroll={false}
            className="row-link nowrap"
          >
            {text.events.classes[event.classUid] ?? text.events.other(event.classUid)}
          </Link>
        ),
      },
      { id: 'outcome', head: text.column.outcome, look: 'tight', cell: outcomeOf },
      { id: 'person', head: text.column.person, cell: (event) => event.user, isEmpty: (event) => event.user === null },
      { id: 'app', head: text.column.app, cell: (event) => event.app, isEmpty: (event) => event.app === null },
      {
        id: 'summary',
        head: text.column.action,
        look: 'clip',
        cell: (event) => <span className="second">{summaryOf(event)}</span>,
      },
      { id: 'when', head: text.column.when, look: 'end', cell: (event) => <Moment at={event.timeMs} /> },
    ],
    [tenant, search],
  )
  return (
    <DataTable
      label={text.eventsPage.title}
      columns={columns}
      rows={events}
      rowKey={(event) => event.uid}
      {...state}
      isChosen={(event) => event.uid === chosen}
    />
  )
}
