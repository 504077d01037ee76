// What every paged list has in common: a search above, a table that knows loading, error and emptiness, and the way to
// the next page. Must never hold more than the page that it shows.
import type { ReactNode } from 'react'
import { NoMatch, PageFoot, type TableState } from './data-table.tsx'
import { SearchField } from './search-field.tsx'

type List = {
  readonly data:
    | { readonly items: readonly unknown[]; readonly total: number; readonly next: string | null }
    | undefined
  readonly error: unknown
  readonly isPlaceholderData: boolean
  readonly refetch: () => unknown
}

/** The state of a table that shows this page; `empty` is for a list that has nothing even without a search. */
export function pagedState(
  list: List,
  { search, after }: { readonly search: string | undefined; readonly after: string | undefined },
  empty: ReactNode,
): TableState {
  return {
    error: list.error,
    onRetry: () => void list.refetch(),
    isStale: list.isPlaceholderData,
    empty: search ? <NoMatch /> : empty,
    foot: (
      <PageFoot
        shown={list.data?.items.length ?? 0}
        total={list.data?.total ?? null}
        next={list.data?.next ?? null}
        after={after}
      />
    ),
  }
}

export function PagedList({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <div className="stack">
      <div className="toolbar">
        <SearchField />
      </div>
      {children}
    </div>
  )
}
