// *Sessions*: who is signed in, and the way to end it.
import type { ReactNode } from 'react'
import { listRefresh, useRoute } from '#console/api/use-route.ts'
import { NoMatch, PageFoot } from '#console/components/data-table.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Page } from '#console/components/page.tsx'
import { SearchField } from '#console/components/search-field.tsx'
import { SessionTable } from '#console/components/session-table.tsx'
import { Empty } from '#console/components/state.tsx'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

export function SessionsPage(): ReactNode {
  const tenant = useTenant()
  const { search, after, query } = useListSearch()
  const list = useRoute('listSessions', { params: { tenant }, query }, listRefresh)
  return (
    <Page title={text.sessions.title}>
      <div className="stack">
        <div className="toolbar">
          <SearchField />
        </div>
        <SessionTable
          sessions={list.data?.items}
          error={list.error}
          onRetry={() => void list.refetch()}
          isStale={list.isPlaceholderData}
          empty={search ? <NoMatch /> : <Empty title={text.sessions.empty} lead={text.sessions.emptyLead} />}
          foot={
            <PageFoot
              shown={list.data?.items.length ?? 0}
              total={list.data?.total ?? null}
              next={list.data?.next ?? null}
              after={after}
            />
          }
        />
      </div>
    </Page>
  )
}
