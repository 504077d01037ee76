// *Sessions*: who is signed in, and the way to end it.
import type { ReactNode } from 'react'
import { usePages } from '#console/api/use-route.ts'
import { useListSearch } from '#console/components/list-search.ts'
import { Page } from '#console/components/page.tsx'
import { PagedList, pagedState } from '#console/components/paged-list.tsx'
import { SessionTable } from '#console/components/session-table.tsx'
import { Empty } from '#console/components/state.tsx'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

export function SessionsPage(): ReactNode {
  const tenant = useTenant()
  const { search, after, query } = useListSearch()
  const list = usePages('listSessions', { params: { tenant }, query })
  return (
    <Page title={text.sessions.title}>
      <PagedList>
        <SessionTable
          sessions={list.items}
          {...pagedState(list, { search, after }, <Empty title={text.sessions.empty} lead={text.sessions.emptyLead} />)}
        />
      </PagedList>
    </Page>
  )
}
