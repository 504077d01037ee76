// What the events found are about, each value with its count: a click narrows the search to it, another takes it back.
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Reply } from '#console/api/client.ts'
import { count } from '#console/messages/plural.ts'
import { text } from '#console/messages/text.ts'

type Counted = Reply<'countEvents'>
type Search = Readonly<Record<string, string | undefined>>

export function EventFacets({ counted, search }: { readonly counted: Counted; readonly search: Search }): ReactNode {
  const classOf = (value: string) => text.events.classes[Number(value)] ?? text.events.other(Number(value))
  return (
    <div className="facets" role="group" aria-label={text.eventsPage.facets}>
      <Facet head={text.eventsPage.class} values={counted.classes} field="class" search={search} say={classOf} />
      <Facet head={text.column.person} values={counted.users} field="user" search={search} />
      <Facet head={text.column.app} values={counted.apps} field="app" search={search} />
      <Facet head={text.column.reason} values={counted.reasons} field="search" search={search} />
    </div>
  )
}

function Facet({
  head,
  values,
  field,
  search,
  say = (value) => value,
}: {
  readonly head: string
  readonly values: Counted['users']
  readonly field: string
  readonly search: Search
  readonly say?: (value: string) => string
}): ReactNode {
  if (values.length === 0) return null
  return (
    <div className="facet">
      <h2 className="caption">{head}</h2>
      <ul>
        {values.map(({ value, count: n }) => {
          const isChosen = search[field] === value
          return (
            <li key={value}>
              <Link
                to="."
                search={(before: object) => ({ ...before, after: undefined, [field]: isChosen ? undefined : value })}
                replace
                resetScroll={false}
                className="facet-value"
                aria-current={isChosen ? 'true' : undefined}
              >
                <span className="ellipsis">{say(value)}</span>
                <span className="quiet">{count(n)}</span>
              </Link>
            </li>
          )
        })}
      </ul>
    </div>
  )
}
