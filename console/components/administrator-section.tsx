// Who may administer the tenant: list, give a role, take it.
import { useMemo, useState, type ReactNode } from 'react'
import type { Reply } from '#console/api/client.ts'
import { useChange, useRoute } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { ConfirmAction } from './confirm-action.tsx'
import { DataTable, type Column } from './data-table.tsx'
import { SelectField, TextField } from './field.tsx'
import { FormAction } from './form-action.tsx'
import { Moment } from './moment.tsx'
import { Section } from './page.tsx'
import { useSuggestions } from './use-suggestions.ts'
import { useMayChange, useTenant } from './who.ts'

type Administrator = Reply<'listAdministrators'>['items'][number]
export const tenantRoles = ['auditor', 'tenant-admin'] as const

export function AdministratorSection(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const list = useRoute('listAdministrators', { params: { tenant } })
  const remove = useChange('deleteAdministrator').mutateAsync
  const columns = useMemo<readonly Column<Administrator>[]>(
    () => [
      { id: 'person', head: text.column.person, cell: (entry) => <span className="strong">{entry.user}</span> },
      { id: 'role', head: text.column.role, cell: (entry) => text.account.roles[entry.role] },
      { id: 'by', head: text.column.by, cell: (entry) => entry.grantedBy },
      { id: 'since', head: text.column.since, cell: (entry) => <Moment at={entry.createdAt} form="day" /> },
      {
        id: 'acts',
        head: text.column.action,
        look: 'acts',
        cell: (entry) =>
          mayChange && (
            <ConfirmAction
              inRow
              label={text.settings.remove}
              name={text.settings.removeOf(entry.user)}
              title={text.settings.removeTitle(entry.user)}
              body={text.settings.removeBody}
              act={async () => {
                await remove({ params: { tenant, user: entry.user } })
              }}
            />
          ),
      },
    ],
    [tenant, mayChange, remove],
  )
  return (
    <Section title={text.settings.administrators} acts={mayChange && <GiveRole />}>
      <DataTable
        label={text.settings.administrators}
        columns={columns}
        rows={list.data?.items}
        rowKey={(entry) => `${entry.user} ${entry.role}`}
        error={list.error}
        onRetry={() => void list.refetch()}
        empty={<p className="state state-small">{text.state.none}</p>}
      />
    </Section>
  )
}

function GiveRole(): ReactNode {
  const tenant = useTenant()
  const put = useChange('putAdministrator')
  const [user, setUser] = useState('')
  const [role, setRole] = useState<(typeof tenantRoles)[number]>('auditor')
  const people = useSuggestions('users', user)
  return (
    <FormAction
      inRow
      label={text.settings.addAdministrator}
      title={text.settings.addAdministrator}
      submit={text.settings.giveDo}
      act={async () => {
        await put.mutateAsync({ params: { tenant, user }, body: { role } })
      }}
    >
      <div className="fields">
        <TextField label={text.settings.user} value={user} onText={setUser} options={people} required maxLength={127} />
        <SelectField
          label={text.settings.role}
          value={role}
          onText={(value) => setRole(tenantRoles.find((entry) => entry === value) ?? 'auditor')}
          choices={tenantRoles.map((entry) => [entry, text.account.roles[entry]])}
        />
      </div>
    </FormAction>
  )
}
