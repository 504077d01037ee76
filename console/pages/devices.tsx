// *Devices*: what people carry, how far it is trusted, and the way to revoke it.
import type { ReactNode } from 'react'
import { listRefresh, useRoute } from '#console/api/use-route.ts'
import { NoMatch, PageFoot } from '#console/components/data-table.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Page } from '#console/components/page.tsx'
import { SearchField } from '#console/components/search-field.tsx'
import { DeviceTable } from '#console/components/device-table.tsx'
import { Empty } from '#console/components/state.tsx'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

export function DevicesPage(): ReactNode {
  const tenant = useTenant()
  const { search, after, query } = useListSearch()
  const list = useRoute('listDevices', { params: { tenant }, query }, listRefresh)
  return (
    <Page title={text.devices.title}>
      <div className="stack">
        <div className="toolbar">
          <SearchField />
        </div>
        <DeviceTable
          devices={list.data?.items}
          error={list.error}
          onRetry={() => void list.refetch()}
          isStale={list.isPlaceholderData}
          empty={search ? <NoMatch /> : <Empty title={text.devices.empty} lead={text.devices.emptyLead} />}
          foot={
            <PageFoot
              shown={list.data?.items.length ?? 0}
              total={list.data?.total ?? null}
              next={list.data?.next ?? null}
              after={after}
            />
          }
        />
      </div>
    </Page>
  )
}
