// Pages of lists: sorted by a key, with a cursor that is the last key shown. Must never let a cursor reach anything
// but the list that it is used on.
import { Fault } from '#core/fault.ts'
import { fromBase64url, toBase64url } from '#transport/base64url.ts'
import { caps } from '#control/caps.ts'

export type PageQuery = {
  readonly limit?: number | undefined
  readonly after?: string | undefined
  readonly search?: string | undefined
}
export type Page<T> = { items: T[]; next: string | null; total: number }

/** `keyOf` must be unique; `search` is found in `textOf`, ignoring case. */
export function pageOf<T>(
  all: Iterable<T>,
  query: PageQuery,
  keyOf: (item: T) => string,
  textOf: (item: T) => string = keyOf,
): Page<T> {
  const wanted = query.search?.toLowerCase()
  const found = [...all].filter((item) => wanted === undefined || textOf(item).toLowerCase().includes(wanted))
  const keyed = found.map((item) => ({ item, key: keyOf(item) })).toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const after = query.after === undefined ? undefined : readCursor(query.after)
  const rest = after === undefined ? keyed : keyed.filter(({ key }) => key > after)
  const limit = query.limit ?? caps.pageItems.default
  const shown = rest.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(({ item }) => item),
    next: rest.length > limit && last ? toBase64url(Buffer.from(last.key)) : null,
    total: found.length,
  }
}

function readCursor(text: string): string {
  const bytes = fromBase64url(text)
  if (!bytes) throw new Fault('request-malformed', { hint: 'The cursor is not one of ours.' })
  return bytes.toString('utf8')
}

/** For lists whose newest entries come first: keys that sort the other way round. */
export function newestFirst(atMs: number, id: string): string {
  return `${(10 ** 15 - atMs).toString().padStart(16, '0')} ${id}`
}

export function mapPage<T, U>(page: Page<T>, show: (item: T) => U): Page<U> {
  return { ...page, items: page.items.map(show) }
}
