// The part of the URL that every list shares: what is searched for, and which page.
import { useSearch } from '@tanstack/react-router'
import { caps } from '#console/caps.ts'

export function useListSearch(): {
  readonly search: string | undefined
  readonly after: string | undefined
  readonly query: { limit: number; search?: string; after?: string }
} {
  const { search, after }: { search?: string | undefined; after?: string | undefined } = useSearch({ strict: false })
  return { search, after, query: { limit: caps.pageRows, ...(search && { search }), ...(after && { after }) } }
}
