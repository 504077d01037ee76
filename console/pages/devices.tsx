// *Devices*: what people carry, how far it is trusted, and the way to revoke it.
import type { ReactNode } from 'react'
import { usePages } from '#console/api/use-route.ts'
import { useListSearch } from '#console/components/list-search.ts'
import { Page } from '#console/components/page.tsx'
import { PagedList, pagedState } from '#console/components/paged-list.tsx'
import { DeviceTable } from '#console/components/device-table.tsx'
import { Empty } from '#console/components/state.tsx'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

export function DevicesPage(): ReactNode {
  const tenant = useTenant()
  const { search, after, query } = useListSearch()
  const list = usePages('listDevices', { params: { tenant }, query })
  return (
    <Page title={text.devices.title}>
      <PagedList>
        <DeviceTable
          devices={list.items}
          {...pagedState(list, { search, after }, <Empty title={text.devices.empty} lead={text.devices.emptyLead} />)}
        />
      </PagedList>
    </Page>
  )
}
