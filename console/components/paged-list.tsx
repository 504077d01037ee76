// What every paged list has in common: a search above, a table that knows loading, error and emptiness, and the way to
// the rest. Must never read more than is looked at.
import type { ReactNode } from 'react'
import type { PagedRows } from '#console/api/use-route.ts'
import { NoMatch, PageFoot, type TableState } from './data-table.tsx'
import { SearchField } from './search-field.tsx'

/** One page as a route gives it, without reading on. */
type OnePage = {
  readonly data:
    | { readonly items: readonly unknown[]; readonly total: number; readonly next: string | null }
    | undefined
  readonly error: unknown
  readonly isPlaceholderData: boolean
  readonly refetch: () => unknown
}

/** The state of a table that shows this list; `empty` is for one that has nothing even without a search. */
export function pagedState(
  list: PagedRows<unknown> | OnePage,
  { search, after }: { readonly search: string | undefined; readonly after: string | undefined },
  empty: ReactNode,
): TableState {
  const whenEmpty = search ? <NoMatch /> : empty
  if ('readMore' in list)
    return {
      error: list.error,
      onRetry: list.retry,
      isStale: list.isStale,
      empty: whenEmpty,
      total: list.total,
      onEnd: list.readMore,
      foot: <PageFoot shown={list.items?.length ?? 0} total={list.total} next={list.next} after={after} more={list} />,
    }
  return {
    error: list.error,
    onRetry: () => void list.refetch(),
    isStale: list.isPlaceholderData,
    empty: whenEmpty,
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
