// The timeline of an incident: acts, stories and events in one order. Every text may be hostile; it is shown as text.
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { TimelineItem } from '#core/api/incident-routes.ts'
import { text } from '#console/messages/text.ts'
import { DataTable } from './data-table.tsx'
import { Moment } from './moment.tsx'
import { Status } from './status.tsx'
import { useTenant } from './who.ts'

const words = text.incidents

export function IncidentTimeline({ items }: { readonly items: readonly TimelineItem[] }): ReactNode {
  const tenant = useTenant()
  const keyed = items.map((item, at) => ({ ...item, key: `${at} ${item.at} ${item.ref ?? ''}` })).toReversed()
  return (
    <DataTable
      label={words.timeline}
      columns={[
        { id: 'when', head: words.when, look: 'tight', cell: ({ at }) => <Moment at={at} form="day-time" /> },
        {
          id: 'what',
          head: words.what,
          cell: (item) =>
            item.kind === 'story' ? (
              <Link to="/t/$tenant/stories/$id" params={{ tenant, id: item.ref ?? '' }}>
                {text.stories.kinds[item.what] ?? item.what}
              </Link>
            ) : item.isRefused ? (
              <Status kind="deny">
                {item.what}, {words.refused}
              </Status>
            ) : (
              <span className={item.kind === 'act' ? 'strong' : ''}>
                {item.kind === 'act' ? (words.acts[item.what] ?? item.what) : item.what}
              </span>
            ),
        },
        { id: 'who', head: words.who, cell: ({ by }) => by ?? '', isEmpty: ({ by }) => by === null },
        { id: 'detail', head: words.detail, cell: (item) => item.text, isEmpty: (item) => item.text === '' },
      ]}
      rows={keyed}
      rowKey={({ key }) => key}
      empty={<p className="state state-small">{words.noTimeline}</p>}
    />
  )
}
