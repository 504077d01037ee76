// Names to offer while typing: the first that the server finds for what was typed.
import { useDeferredValue } from 'react'
import { useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { useTenant } from './who.ts'

export function useSuggestions(
  plural: 'users' | 'apps' | 'groups' | 'connector-groups',
  typed: string,
  enabled = true,
): readonly string[] {
  const tenant = useTenant()
  const search = useDeferredValue(typed)
  const found = useRoute(
    'listResources',
    { params: { tenant, plural }, query: { limit: caps.suggestions, ...(search !== '' && { search }) } },
    { keep: true, enabled },
  )
  return found.data?.items.map((item) => item.name) ?? []
}
