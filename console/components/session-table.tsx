// Sessions with the act that ends one and shows its receipts.
import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { SessionView } from '#core/api/views.ts'
import { useChange } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { ConfirmAction } from './confirm-action.tsx'
import { DataTable, type Column, type TableState } from './data-table.tsx'
import { Moment } from './moment.tsx'
import { Tags } from './page.tsx'
import { useMayChange, useTenant } from './who.ts'

type Props = TableState & { readonly sessions: readonly SessionView[] | undefined; readonly ofOne?: boolean }

export function SessionTable({ sessions, ofOne = false, ...state }: Props): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const end = useChange('endSession').mutateAsync
  const columns = useMemo<readonly Column<SessionView>[]>(() => {
    const person: Column<SessionView> = {
      id: 'person',
      head: text.column.person,
      cell: (session) => (
        <Link to="/t/$tenant/people/$name" params={{ tenant, name: session.user }} className="row-link">
          {session.user}
        </Link>
      ),
    }
    return [
      ...(ofOne ? [] : [person]),
      {
        id: 'door',
        head: text.column.door,
        cell: (session) => (
          <span>
            {text.door[session.door]} {session.device && <span className="quiet">· {session.device}</span>}
          </span>
        ),
      },
      { id: 'factors', head: text.column.factors, cell: (session) => <Tags names={session.factors} /> },
      { id: 'from', head: text.column.from, cell: (session) => <span className="mono">{session.ip}</span> },
      { id: 'since', head: text.column.since, cell: (session) => <Moment at={session.createdAt} /> },
      { id: 'seen', head: text.column.seen, cell: (session) => <Moment at={session.lastSeenAt} /> },
      {
        id: 'expires',
        head: text.column.expires,
        cell: (session) => <Moment at={session.expiresAt} form="day-time" />,
      },
      {
        id: 'acts',
        head: text.column.action,
        look: 'acts',
        cell: (session) =>
          mayChange && (
            <ConfirmAction
              inRow
              label={text.sessions.end}
              name={text.sessions.endOf(session.user, text.door[session.door])}
              title={text.sessions.endTitle(session.user)}
              body={text.sessions.endBody(text.door[session.door], session.device)}
              doneTitle={text.sessions.ended(session.user)}
              act={() => end({ params: { tenant, id: session.id } })}
            />
          ),
      },
    ]
  }, [tenant, mayChange, end, ofOne])
  return (
    <DataTable
      label={text.sessions.title}
      columns={columns}
      rows={sessions}
      rowKey={(session) => session.id}
      {...state}
    />
  )
}
