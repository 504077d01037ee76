// The list of devices, by id, read a page at a time. Must never read more rows than the page shows.
import { afterName, containing, pageOfRows, rowsOfPage } from '#control/api/keyset.ts'
import type { Page, PageQuery } from '#control/api/page.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

export async function listDevices(handle: TenantHandle, query: PageQuery): Promise<Page<Row<'devices'>>> {
  const after = afterName(query)
  const all = found(handle, query)
  const { count } = await all.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
  const rest = after === undefined ? all : all.where('devices.id', '>', after)
  const rows = await rest.selectAll().orderBy('devices.id').limit(rowsOfPage(query)).execute()
  return pageOfRows(rows, Number(count), query, ({ id }) => id)
}

function found(handle: TenantHandle, { search }: PageQuery) {
  const all = handle.selectFrom('devices')
  if (search === undefined) return all
  const pattern = containing(search)
  const users = handle
    .selectFrom('resources')
    .select('resources.id')
    .where('resources.kind', '=', 'User')
    .where('resources.name', 'like', pattern)
  return all.where((eb) =>
    eb.or([
      eb(eb.fn<string>('lower', ['devices.name']), 'like', pattern),
      eb(eb.fn<string>('lower', ['devices.os']), 'like', pattern),
      eb('devices.userId', 'in', users),
    ]),
  )
}
