// Provider: exchanges, whether they are connected, and the token that enrols another.
import { useMemo, useState, type ReactNode } from 'react'
import type { ExchangeView } from '#core/api/views.ts'
import { useChange, useRoute } from '#console/api/use-route.ts'
import { ConfirmAction } from '#console/components/confirm-action.tsx'
import { DataTable, type Column } from '#console/components/data-table.tsx'
import { TextField } from '#console/components/field.tsx'
import { FormAction } from '#console/components/form-action.tsx'
import { Moment } from '#console/components/moment.tsx'
import { Page } from '#console/components/page.tsx'
import { SecretOnce } from '#console/components/secret-once.tsx'
import { Empty } from '#console/components/state.tsx'
import { Status } from '#console/components/status.tsx'
import { text } from '#console/messages/text.ts'

const words = text.provider

export function ExchangesPage(): ReactNode {
  const list = useRoute('listExchanges', {}, { everyMs: 5_000, keep: true })
  const revoke = useChange('deleteExchange').mutateAsync
  const columns = useMemo<readonly Column<ExchangeView>[]>(
    () => [
      {
        id: 'name',
        head: text.column.name,
        cell: (exchange) => (
          <span className="two">
            <span className="strong">{exchange.name}</span>
            <span className="small quiet mono">{exchange.id}</span>
          </span>
        ),
      },
      {
        id: 'address',
        head: text.column.address,
        cell: (exchange) => <span className="mono">{exchange.address}</span>,
      },
      {
        id: 'status',
        head: text.column.status,
        cell: (exchange) => (
          <Status kind={exchange.connected ? 'allow' : 'deny'}>
            {exchange.connected ? text.status.connected : text.status.away}
          </Status>
        ),
      },
      { id: 'seen', head: text.column.seen, cell: (exchange) => <Moment at={exchange.lastSeenAt} /> },
      {
        id: 'software',
        head: text.column.software,
        cell: (exchange) => <span className="mono">{exchange.software}</span>,
      },
      {
        id: 'acts',
        head: text.column.action,
        look: 'acts',
        cell: (exchange) => (
          <ConfirmAction
            inRow
            label={words.revoke}
            name={words.revokeOf(exchange.name)}
            title={words.revokeTitle(exchange.name)}
            body={words.revokeBody}
            act={async () => {
              await revoke({ params: { id: exchange.id } })
            }}
          />
        ),
      },
    ],
    [revoke],
  )
  return (
    <Page title={words.exchanges} acts={<EnrolExchange />}>
      <DataTable
        label={words.exchanges}
        columns={columns}
        rows={list.data?.items}
        rowKey={(exchange) => exchange.id}
        error={list.error}
        onRetry={() => void list.refetch()}
        empty={<Empty title={words.exchangesEmpty} lead={words.exchangesLead} />}
      />
    </Page>
  )
}

function EnrolExchange(): ReactNode {
  const make = useChange('createExchangeToken')
  const [name, setName] = useState('')
  return (
    <FormAction
      label={words.enrol}
      look="main"
      title={words.enrol}
      lead={words.exchangesLead}
      submit={words.enrolDo}
      act={async () => {
        const made = await make.mutateAsync({ body: { name, expiresInSeconds: 86_400 } })
        return {
          title: words.enrol,
          content: <SecretOnce label={words.token} value={made.token} expiresAt={made.expiresAt} />,
        }
      }}
    >
      <TextField label={text.column.name} value={name} onText={setName} required maxLength={40} />
    </FormAction>
  )
}
