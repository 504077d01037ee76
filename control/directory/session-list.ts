// The list of live sessions, newest first, read a page at a time: a tenant has a hundred thousand. Must never read more
// rows than the page shows, apart from counting them in the index.
import { afterTime, beginningWith, containing, pageOfRows, rowsOfPage } from '#control/api/keyset.ts'
import type { Page, PageQuery } from '#control/api/page.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

/** Ends with `limit` rows at most, in the order of the index. */
export function sessionRows(handle: TenantHandle, query: PageQuery, nowMs: number) {
  const after = afterTime(query)
  const rows = found(handle, query, nowMs)
    .selectAll()
    .orderBy('sessions.createdAtMs', 'desc')
    .orderBy('sessions.id', 'desc')
    .limit(rowsOfPage(query))
  if (after === undefined) return rows
  const [createdAtMs, id] = after
  return (
    rows
      // The first of the two is what the index is entered by.
      .where('sessions.createdAtMs', '<=', createdAtMs)
      .where((eb) => eb.or([eb('sessions.createdAtMs', '<', createdAtMs), eb('sessions.id', '<', id)]))
  )
}

export function sessionCount(handle: TenantHandle, query: PageQuery, nowMs: number) {
  return found(handle, query, nowMs).select((eb) => eb.fn.countAll<number>().as('count'))
}

export async function listSessions(
  handle: TenantHandle,
  query: PageQuery,
  nowMs: number,
): Promise<Page<Row<'sessions'>>> {
  const { count } = await sessionCount(handle, query, nowMs).executeTakeFirstOrThrow()
  const rows = await sessionRows(handle, query, nowMs).execute()
  return pageOfRows(rows, Number(count), query, ({ createdAtMs, id }) => [createdAtMs, id])
}

function found(handle: TenantHandle, { search }: PageQuery, nowMs: number) {
  const live = handle
    .selectFrom('sessions')
    .where('sessions.endedAtMs', 'is', null)
    // Not a bound that an index could be entered by: the order of the list is what the index is for.
    .where((eb) => eb(eb('sessions.expiresAtMs', '+', 0), '>', nowMs))
  if (search === undefined) return live
  const users = handle
    .selectFrom('resources')
    .select('resources.id')
    .where('resources.kind', '=', 'User')
    .where('resources.name', 'like', containing(search))
  return live.where((eb) =>
    eb.or([
      eb('sessions.userId', 'in', users),
      eb('sessions.id', 'like', beginningWith(search)),
      eb('sessions.ip', 'like', containing(search)),
    ]),
  )
}
