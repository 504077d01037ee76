// Provider: tenants. Shows that they exist, never what is inside.
import { useMemo, useState, type FormEvent, type ReactNode } from 'react'
import type { TenantView } from '#core/api/views.ts'
import { useChange, usePages, useRoute } from '#console/api/use-route.ts'
import { Button } from '#console/components/button.tsx'
import { ConfirmAction } from '#console/components/confirm-action.tsx'
import { DataTable, type Column } from '#console/components/data-table.tsx'
import { Dialog } from '#console/components/dialog.tsx'
import { TextField } from '#console/components/field.tsx'
import { FormAction } from '#console/components/form-action.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Moment } from '#console/components/moment.tsx'
import { namesIn } from '#console/components/names-in.ts'
import { Page } from '#console/components/page.tsx'
import { PagedList, pagedState } from '#console/components/paged-list.tsx'
import { SecretOnce } from '#console/components/secret-once.tsx'
import { Empty, FaultNote } from '#console/components/state.tsx'
import { Status } from '#console/components/status.tsx'
import { text } from '#console/messages/text.ts'

const words = text.provider

export function TenantsPage(): ReactNode {
  const { search, after, query } = useListSearch()
  const list = usePages('listTenants', { query })
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
            <>
              <OwnHosts name={name} />
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
            </>
          )
        },
      },
    ],
    [change],
  )
  return (
    <Page title={words.tenants} acts={<CreateTenant />}>
      <PagedList>
        <DataTable
          label={words.tenants}
          columns={columns}
          rows={list.items}
          rowKey={(tenant) => tenant.id}
          {...pagedState(list, { search, after }, <Empty title={words.tenantsEmpty} lead={words.tenantsLead} />)}
        />
      </PagedList>
    </Page>
  )
}

/** Names outside our own domain for which control will vouch: the provider checks that they are the tenant's. */
function OwnHosts({ name }: { readonly name: string }): ReactNode {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button look="text" inRow aria-label={words.hostsOf(name)} aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {words.hosts}
      </Button>
      {isOpen && <OwnHostsDialog name={name} onClose={() => setOpen(false)} />}
    </>
  )
}

function OwnHostsDialog({ name, onClose }: { readonly name: string; readonly onClose: () => void }): ReactNode {
  const list = useRoute('getTenantHosts', { params: { name } })
  const set = useChange('setTenantHosts')
  const [typed, setTyped] = useState<string | null>(null)
  const value = typed ?? list.data?.hosts.join(' ') ?? ''
  const save = async (event: FormEvent) => {
    event.preventDefault()
    await set.mutateAsync({ params: { name }, body: { hosts: namesIn(value.toLowerCase()) } }).then(onClose, () => {})
  }
  return (
    <Dialog open onClose={onClose} canClose={!set.isPending} wide title={words.hostsOf(name)} lead={words.hostsLead}>
      <form className="stack-wide" onSubmit={(event) => void save(event)}>
        <TextField
          label={words.hosts}
          hint={words.hostsHint}
          value={value}
          onText={setTyped}
          disabled={list.data === undefined}
        />
        <FaultNote error={list.error ?? set.error} />
        <div className="dialog-acts">
          <Button onClick={onClose} disabled={set.isPending}>
            {text.action.cancel}
          </Button>
          <Button type="submit" look="main" busy={set.isPending} disabled={list.data === undefined}>
            {text.action.save}
          </Button>
        </div>
      </form>
    </Dialog>
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
