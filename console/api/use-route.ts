// Routes as queries: cached by name and input, refreshed while the page is visible, cancelled when left.
// Must never retry what the server refused, only what did not reach it.
import {
  keepPreviousData,
  QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type UseMutationResult,
  type UseQueryResult,
} from '@tanstack/react-query'
import { useMemo } from 'react'
import { caps } from '#console/caps.ts'
import { ApiFault } from './api-fault.ts'
import { call, type Input, type Reply, type RouteName } from './client.ts'

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        retry: (count, error) => error instanceof ApiFault && error.code === 'unreachable' && count < 2,
        refetchIntervalInBackground: false,
      },
      mutations: { retry: false },
    },
  })
}

type Options = { readonly everyMs?: number | false; readonly enabled?: boolean; readonly keep?: boolean }

export function useRoute<N extends RouteName>(
  name: N,
  input: Input<N> = {},
  options: Options = {},
): UseQueryResult<Reply<N>, Error> {
  return useQuery<Reply<N>, Error>({
    queryKey: [name, input.params ?? {}, input.query ?? {}, input.body ?? null],
    queryFn: ({ signal }) => call(name, input, signal),
    refetchInterval: options.everyMs ?? false,
    enabled: options.enabled ?? true,
    ...(options.keep === true && { placeholderData: keepPreviousData }),
  })
}

type PagedRoute = {
  [N in RouteName]: Reply<N> extends { readonly items: readonly unknown[]; readonly next: string | null } ? N : never
}[RouteName]

export type PagedRows<T> = {
  readonly items: readonly T[] | undefined
  readonly total: number | null
  readonly next: string | null
  readonly error: unknown
  readonly isStale: boolean
  readonly isReadingMore: boolean
  readonly readMore: () => void
  readonly retry: () => void
}

/** A list that is read on as it is scrolled, page by page, up to `caps.listRows`; from there by address. */
export function usePages<N extends PagedRoute>(
  name: N,
  input: Input<N>,
  options: { readonly enabled?: boolean; readonly everyMs?: number | false } = {},
): PagedRows<Reply<N>['items'][number]> {
  const { after, ...asked }: { readonly after?: string } = { ...input.query }
  const query = useInfiniteQuery({
    queryKey: [name, 'pages', input.params ?? {}, asked, after ?? ''],
    queryFn: ({ pageParam, signal }) =>
      call(name, { ...input, query: { ...asked, ...(pageParam !== '' && { after: pageParam }) } } as Input<N>, signal),
    initialPageParam: after ?? '',
    getNextPageParam: (page: Reply<N>) => page.next ?? undefined,
    enabled: options.enabled ?? true,
    placeholderData: keepPreviousData,
    // Reading everything again that was scrolled through would be a flood: only what fits one page stays fresh by itself.
    refetchInterval: ({ state }) =>
      (state.data?.pages.length ?? 0) > 1 ? false : (options.everyMs ?? caps.listEveryMs),
  })
  const pages = query.data?.pages
  const items = useMemo(() => pages?.flatMap((page): Reply<N>['items'][number][] => page.items), [pages])
  const last = pages?.at(-1)
  const { fetchNextPage, hasNextPage, isFetchingNextPage, refetch } = query
  const isFull = (items?.length ?? 0) >= caps.listRows
  return {
    items,
    total: last !== undefined && 'total' in last && typeof last.total === 'number' ? last.total : null,
    next: last?.next ?? null,
    error: query.error,
    isStale: query.isPlaceholderData,
    isReadingMore: isFetchingNextPage,
    readMore: () => {
      if (hasNextPage && !isFetchingNextPage && !isFull) void fetchNextPage()
    },
    retry: () => void refetch(),
  }
}

/** A change by a route; afterwards everything on the screen is read again. */
export function useChange<N extends RouteName>(name: N): UseMutationResult<Reply<N>, Error, Input<N>> {
  const client = useQueryClient()
  return useMutation<Reply<N>, Error, Input<N>>({
    mutationFn: (input) => call(name, input),
    onSuccess: () => {
      void client.invalidateQueries()
    },
  })
}

export const listRefresh = { everyMs: caps.listEveryMs, keep: true } as const
