// *Connectors*: which stand where, whether they are connected, and tokens waiting to be used.
import { useMemo, type ReactNode } from 'react'
import type { Reply } from '#console/api/client.ts'
import { listRefresh, useChange, usePages, useRoute } from '#console/api/use-route.ts'
import { ConfirmAction } from '#console/components/confirm-action.tsx'
import { ConnectorTable } from '#console/components/connector-table.tsx'
import { DataTable, type Column } from '#console/components/data-table.tsx'
import { EnrolConnector } from '#console/components/enrol-connector.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Moment } from '#console/components/moment.tsx'
import { Page, Section } from '#console/components/page.tsx'
import { PagedList, pagedState } from '#console/components/paged-list.tsx'
import { Empty } from '#console/components/state.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

type Token = Reply<'listEnrolmentTokens'>['items'][number]

export function ConnectorsPage(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const { search, after, query } = useListSearch()
  const list = usePages('listConnectors', { params: { tenant }, query }, { everyMs: 5_000 })
  const tokens = useRoute('listEnrolmentTokens', { params: { tenant }, query: { limit: 100 } }, listRefresh)
  const withdraw = useChange('deleteEnrolmentToken').mutateAsync
  const waiting = tokens.data?.items.filter((token) => token.usedAt === null && token.use === 'connector')
  const tokenColumns = useMemo<readonly Column<Token>[]>(
    () => [
      { id: 'group', head: text.connectors.group, cell: (token) => <span className="tag">{token.target}</span> },
      { id: 'by', head: text.column.by, cell: (token) => token.createdBy },
      { id: 'created', head: text.column.created, cell: (token) => <Moment at={token.createdAt} /> },
      { id: 'expires', head: text.column.expires, cell: (token) => <Moment at={token.expiresAt} form="day-time" /> },
      {
        id: 'acts',
        head: text.column.action,
        look: 'acts',
        cell: (token) =>
          mayChange && (
            <ConfirmAction
              inRow
              label={text.connectors.withdraw}
              name={`${text.connectors.withdraw} ${token.target}`}
              title={text.connectors.withdrawTitle}
              body={text.connectors.withdrawBody(token.target)}
              act={async () => {
                await withdraw({ params: { tenant, id: token.id } })
              }}
            />
          ),
      },
    ],
    [tenant, mayChange, withdraw],
  )
  return (
    <Page title={text.connectors.title} acts={mayChange && <EnrolConnector look="main" />}>
      <PagedList>
        <ConnectorTable
          connectors={list.items}
          {...pagedState(
            list,
            { search, after },
            <Empty title={text.connectors.empty} lead={text.connectors.emptyLead} />,
          )}
        />
      </PagedList>
      <Section title={text.connectors.tokens}>
        <DataTable
          label={text.connectors.tokens}
          columns={tokenColumns}
          rows={waiting}
          rowKey={(token) => token.id}
          error={tokens.error}
          empty={<p className="state state-small">{text.connectors.tokensEmpty}</p>}
        />
      </Section>
    </Page>
  )
}
