// *Stories*: what detection noticed, newest first. Each opens in full.
import { Link, useSearch } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { StoryView } from '#core/api/story-routes.ts'
import { listRefresh, useRoute } from '#console/api/use-route.ts'
import { DataTable, NoMatch, PageFoot, type Column } from '#console/components/data-table.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Moment } from '#console/components/moment.tsx'
import { Page } from '#console/components/page.tsx'
import { SearchField } from '#console/components/search-field.tsx'
import { Empty } from '#console/components/state.tsx'
import { Status, type StatusKind } from '#console/components/status.tsx'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

const words = text.stories

export function kindOfLevel(level: StoryView['level']): StatusKind {
  return level === 'note' || level === 'ask' ? 'quiet' : level === 'cut' || level === 'contain' ? 'deny' : 'warn'
}

export function StoriesPage(): ReactNode {
  const tenant = useTenant()
  const { search, after, query } = useListSearch()
  const { state }: { state?: string | undefined } = useSearch({ strict: false })
  const isState = state === 'open' || state === 'taken' || state === 'closed'
  const list = useRoute(
    'listStories',
    { params: { tenant }, query: { ...query, ...(isState && { state }) } },
    listRefresh,
  )
  const columns = useMemo<readonly Column<StoryView>[]>(
    () => [
      {
        id: 'what',
        head: words.what,
        cell: (story) => (
          <span className="two">
            <Link to="/t/$tenant/stories/$id" params={{ tenant, id: story.id }} className="row-link">
              {words.kinds[story.kind] ?? story.kind}
            </Link>
            <span className="second">{story.sentence}</span>
          </span>
        ),
      },
      { id: 'who', head: words.subject, cell: (story) => story.subject.name },
      {
        id: 'level',
        head: words.level,
        look: 'tight',
        cell: (story) => <Status kind={kindOfLevel(story.level)}>{words.levels[story.level]}</Status>,
      },
      {
        id: 'state',
        head: words.state,
        look: 'tight',
        cell: (story) => (story.verdict === null ? words.states[story.state] : words.verdicts[story.verdict]),
      },
      { id: 'noticed', head: words.noticed, look: 'end', cell: (story) => <Moment at={story.noticedAt} /> },
    ],
    [tenant],
  )
  return (
    <Page title={words.title} lead={words.lead}>
      <SearchField label={words.filter} />
      <DataTable
        label={words.title}
        columns={columns}
        rows={list.data?.items}
        rowKey={({ id }) => id}
        error={list.error}
        onRetry={() => void list.refetch()}
        isStale={list.isPlaceholderData}
        empty={
          search ? (
            <NoMatch />
          ) : (
            <Empty title={words.empty} lead={words.emptyLead}>
              <Link to="/t/$tenant/drills" params={{ tenant }} className="button">
                {words.emptyAct}
              </Link>
            </Empty>
          )
        }
        foot={
          list.data && (
            <PageFoot shown={list.data.items.length} total={list.data.total} next={list.data.next} after={after} />
          )
        }
      />
    </Page>
  )
}
