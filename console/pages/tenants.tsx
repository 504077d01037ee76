// Provider: tenants. Shows that they exist, never what is inside.
import { useMemo, useState, type ReactNode } from 'react'
import type { TenantView } from '#core/api/views.ts'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { ConfirmAction } from '#console/components/confirm-action.tsx'
import { DataTable, NoMatch, PageFoot, type Column } from '#console/components/data-table.tsx'
import { TextField } from '#console/components/field.tsx'
import { FormAction } from '#console/components/form-action.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Moment } from '#console/components/moment.tsx'
import { Page } from '#console/components/page.tsx'
import { SearchField } from '#console/components/search-field.tsx'
import { SecretOnce } from '#console/components/secret-once.tsx'
import { Empty } from '#console/components/state.tsx'
import { Status } from '#console/components/status.tsx'
import { text } from '#console/messages/text.ts'

const words = text.provider

export function TenantsPage(): ReactNode {
  const { search, after, query } = useListSearch()
  const list = useRoute('listTenants', { query }, listRefresh)
  const change = useChange('changeTenant').mutateAsync
  const columns = useMemo<readonly Column<TenantView>[]>(
    () => [
      {
        id: 'name',
        head: text.column.tenant,
        cell: (tenant) => (
          <span className="two">
            <span className="strong">{tenant.displayName}</span>
            {tenant.displayName !== tenant.name && <span className="small quiet">{tenant.name}</span>}
          </span>
        ),
      },
      {
        id: 'parent',
        head: text.column.parent,
        cell: (tenant) => tenant.parent,
        isEmpty: (tenant) => tenant.parent === null,
      },
      {
        id: 'status',
        head: text.column.status,
        cell: (tenant) => (
          <Status kind={tenant.status === 'active' ? 'allow' : 'warn'}>{text.status[tenant.status]}</Status>
        ),
      },
      { id: 'created', head: text.column.created, cell: (tenant) => <Moment at={tenant.createdAt} form="day" /> },
      {
        id: 'acts',
        head: text.column.action,
        look: 'acts',
        cell: ({ name, displayName, status }) => {
          const isActive = status === 'active'
          return (
            <ConfirmAction
              inRow
              look={isActive ? 'quiet-danger' : 'text'}
              label={isActive ? words.suspend : words.resume}
              name={isActive ? words.suspendOf(name) : words.resumeOf(name)}
              title={isActive ? words.suspendTitle(displayName) : words.resumeTitle(displayName)}
              body={isActive ? words.suspendBody : words.resumeBody}
              doLook={isActive ? 'danger' : 'main'}
              act={async () => {
                await change({ params: { name }, body: { status: isActive ? 'suspended' : 'active' } })
              }}
            />
          )
        },
      },
    ],
    [change],
  )
  return (
    <Page title={words.tenants} acts={<CreateTenant />}>
      <div className="stack">
        <div className="toolbar">
          <SearchField />
        </div>
        <DataTable
          label={words.tenants}
          columns={columns}
          rows={list.data?.items}
          rowKey={(tenant) => tenant.id}
          error={list.error}
          onRetry={() => void list.refetch()}
          isStale={list.isPlaceholderData}
          empty={search ? <NoMatch /> : <Empty title={words.tenantsEmpty} lead={words.tenantsLead} />}
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

function CreateTenant(): ReactNode {
  const create = useChange('createTenant')
  const [form, setForm] = useState({ name: '', displayName: '', admin: '', email: '' })
  const set = (key: keyof typeof form) => (value: string) => setForm((before) => ({ ...before, [key]: value }))
  return (
    <FormAction
      label={words.create}
      look="main"
      title={words.create}
      lead={words.tenantsLead}
      submit={words.createDo}
      act={async () => {
        const made = await create.mutateAsync({
          body: {
            name: form.name,
            ...(form.displayName && { displayName: form.displayName }),
            administrator: { name: form.admin, ...(form.email && { email: form.email }) },
          },
        })
        return {
          title: words.created(form.name),
          content: (
            <SecretOnce label={words.invitation} value={made.invitation.url} expiresAt={made.invitation.expiresAt} />
          ),
        }
      }}
    >
      <div className="fields">
        <TextField
          label={words.name}
          hint={words.nameHint}
          value={form.name}
          onText={set('name')}
          required
          maxLength={40}
        />
        <TextField label={words.display} value={form.displayName} onText={set('displayName')} maxLength={120} />
        <TextField
          label={words.admin}
          hint={words.adminHint}
          value={form.admin}
          onText={set('admin')}
          required
          maxLength={127}
        />
        <TextField label={words.adminEmail} value={form.email} onText={set('email')} type="email" maxLength={320} />
      </div>
    </FormAction>
  )
}
