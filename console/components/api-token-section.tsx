// API tokens: list, make one (shown once), revoke.
import { useMemo, useState, type ReactNode } from 'react'
import type { Reply } from '#console/api/client.ts'
import { useChange, useRoute } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { tenantRoles } from './administrator-section.tsx'
import { ConfirmAction } from './confirm-action.tsx'
import { DataTable, type Column } from './data-table.tsx'
import { SelectField, TextField } from './field.tsx'
import { FormAction } from './form-action.tsx'
import { Moment } from './moment.tsx'
import { Section } from './page.tsx'
import { SecretOnce } from './secret-once.tsx'
import { useMayChange, useTenant } from './who.ts'

type Token = Reply<'listApiTokens'>['items'][number]
const lifetimes = [
  ['86400', text.connectors.days(1)],
  ['2592000', text.connectors.days(30)],
  ['7776000', text.connectors.days(90)],
  ['31536000', text.connectors.days(365)],
] as const

export function ApiTokenSection(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const list = useRoute('listApiTokens', { params: { tenant }, query: { limit: 200 } })
  const revoke = useChange('deleteApiToken').mutateAsync
  const columns = useMemo<readonly Column<Token>[]>(
    () => [
      { id: 'name', head: text.column.name, cell: (token) => <span className="strong">{token.name}</span> },
      { id: 'role', head: text.column.role, cell: (token) => text.account.roles[token.role] },
      { id: 'by', head: text.column.by, cell: (token) => token.createdBy },
      { id: 'used', head: text.column.used, cell: (token) => <Moment at={token.lastUsedAt} /> },
      { id: 'expires', head: text.column.expires, cell: (token) => <Moment at={token.expiresAt} form="day" /> },
      {
        id: 'acts',
        head: text.column.action,
        look: 'acts',
        cell: (token) =>
          mayChange && (
            <ConfirmAction
              inRow
              label={text.settings.revokeToken}
              name={text.settings.revokeTokenOf(token.name)}
              title={text.settings.revokeTokenTitle(token.name)}
              body={text.settings.revokeTokenBody}
              act={async () => {
                await revoke({ params: { tenant, id: token.id } })
              }}
            />
          ),
      },
    ],
    [tenant, mayChange, revoke],
  )
  return (
    <Section title={text.settings.tokens} acts={mayChange && <MakeToken />}>
      <DataTable
        label={text.settings.tokens}
        columns={columns}
        rows={list.data?.items}
        rowKey={(token) => token.id}
        error={list.error}
        onRetry={() => void list.refetch()}
        empty={<p className="state state-small">{text.settings.tokensEmpty}</p>}
      />
    </Section>
  )
}

function MakeToken(): ReactNode {
  const tenant = useTenant()
  const make = useChange('createApiToken')
  const [name, setName] = useState('')
  const [role, setRole] = useState<(typeof tenantRoles)[number]>('auditor')
  const [seconds, setSeconds] = useState('2592000')
  return (
    <FormAction
      inRow
      label={text.settings.newToken}
      title={text.settings.newToken}
      submit={text.settings.tokenDo}
      act={async () => {
        const made = await make.mutateAsync({
          params: { tenant },
          body: { name, role, expiresInSeconds: Number(seconds) },
        })
        return {
          title: name,
          content: <SecretOnce label={text.action.onceTitle} value={made.token} expiresAt={made.expiresAt} />,
        }
      }}
    >
      <div className="fields">
        <TextField
          label={text.settings.tokenName}
          hint={text.settings.tokenNameHint}
          value={name}
          onText={setName}
          required
          maxLength={127}
        />
        <SelectField
          label={text.settings.role}
          value={role}
          onText={(value) => setRole(tenantRoles.find((entry) => entry === value) ?? 'auditor')}
          choices={tenantRoles.map((entry) => [entry, text.account.roles[entry]])}
        />
        <SelectField label={text.connectors.expires} value={seconds} onText={setSeconds} choices={lifetimes} />
      </div>
    </FormAction>
  )
}
