// Routes as queries: cached by name and input, refreshed while the page is visible, cancelled when left.
// Must never retry what the server refused, only what did not reach it.
import {
  keepPreviousData,
  QueryClient,
  useMutation,
  useQuery,
  useQueryClient,
  type UseMutationResult,
  type UseQueryResult,
} from '@tanstack/react-query'
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
