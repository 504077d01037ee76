// Cursors of lists that the database pages: the key of the last row shown. Must never be trusted further than as values
// of a comparison in the same list.
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import { fromBase64url, toBase64url } from '#transport/base64url.ts'
import { caps } from '#control/caps.ts'
import type { Page, PageQuery } from './page.ts'

/** One row more than a page tells whether there is another page. */
export function rowsOfPage(query: PageQuery): number {
  return (query.limit ?? caps.pageItems.default) + 1
}

/** `rows` are at most `rowsOfPage`; `keyOf` gives what the next page begins after. */
export function pageOfRows<T>(rows: readonly T[], total: number, query: PageQuery, keyOf: (row: T) => Key): Page<T> {
  const items = rows.slice(0, rowsOfPage(query) - 1)
  const last = items.at(-1)
  const next =
    rows.length > items.length && last !== undefined ? toBase64url(Buffer.from(JSON.stringify(keyOf(last)))) : null
  return { items, next, total }
}

type Key = string | readonly [number, string]
const timeKey = z.tuple([z.number().int().nonnegative(), z.string().max(64)])
const nameKey = z.string().max(300)

export function afterTime({ after }: PageQuery): readonly [number, string] | undefined {
  return after === undefined ? undefined : read(after, timeKey)
}

export function afterName({ after }: PageQuery): string | undefined {
  return after === undefined ? undefined : read(after, nameKey)
}

function read<T>(text: string, form: z.ZodType<T>): T {
  const bytes = fromBase64url(text)
  try {
    if (bytes) return form.parse(JSON.parse(bytes.toString('utf8')))
  } catch {
    // Told below, as any other text that is no cursor of this list.
  }
  throw new Fault('request-malformed', { hint: 'The cursor is not one of this list.' })
}

export const beginningWith = (search: string): string => containing(search).slice(1)

/** A pattern that finds `search` anywhere; what would be a wildcard in it stands for any one character at most. */
export function containing(search: string): string {
  return `%${search.toLowerCase().replaceAll(/[%\\]/g, '_')}%`
}
