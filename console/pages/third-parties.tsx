// *Third parties*: outside organisations with their contract, requests that wait, and access that was approved.
import { Link } from '@tanstack/react-router'
import { useMemo, useState, type ReactNode } from 'react'
import type { AccessRequestView } from '#core/api/views.ts'
import type { Reply } from '#console/api/client.ts'
import { readOrganisation, type OrganisationView } from '#console/api/spec-view.ts'
import { listRefresh, useChange, usePages, useRoute } from '#console/api/use-route.ts'
import { ChoiceField, type Choice } from '#console/components/choice-field.tsx'
import { ConfirmAction } from '#console/components/confirm-action.tsx'
import { DataTable, type Column } from '#console/components/data-table.tsx'
import { TextField } from '#console/components/field.tsx'
import { FormAction } from '#console/components/form-action.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Moment } from '#console/components/moment.tsx'
import { namesIn } from '#console/components/names-in.ts'
import { Page, Section, Tags } from '#console/components/page.tsx'
import { pagedState } from '#console/components/paged-list.tsx'
import { SearchField } from '#console/components/search-field.tsx'
import { Empty } from '#console/components/state.tsx'
import { Status } from '#console/components/status.tsx'
import { useSuggestions } from '#console/components/use-suggestions.ts'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

const words = text.thirdParties
type Approval = Reply<'listApprovals'>['items'][number]
const accessLengths = [
  ['3600', text.connectors.hours(1)],
  ['28800', text.connectors.hours(8)],
  ['86400', text.connectors.days(1)],
  ['604800', text.connectors.days(7)],
  ['2592000', text.connectors.days(30)],
] as const

export function ThirdPartiesPage(): ReactNode {
  const mayChange = useMayChange()
  return (
    <Page title={words.title} acts={mayChange && <AddOrganisation />}>
      <Requests />
      <Organisations />
      <Approvals />
    </Page>
  )
}

function Requests(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const list = useRoute('listAccessRequests', { params: { tenant }, query: { limit: 200 } }, listRefresh)
  const decide = useChange('decideAccessRequest').mutateAsync
  const open = useMemo(() => list.data?.items.filter((request) => request.status === 'open'), [list.data])
  const columns = useMemo<readonly Column<AccessRequestView>[]>(
    () => [
      { id: 'person', head: text.column.person, cell: (request) => <PersonLink name={request.user} /> },
      { id: 'app', head: text.column.app, cell: (request) => request.app },
      {
        id: 'reason',
        head: text.column.reason,
        look: 'clip',
        cell: (request) => <span className="second">{request.reason}</span>,
      },
      { id: 'when', head: text.column.when, cell: (request) => <Moment at={request.createdAt} /> },
      {
        id: 'acts',
        head: text.column.action,
        look: 'acts',
        cell: ({ id, user, app }) => {
          if (!mayChange) return null
          const choice: Choice = { value: '28800' }
          return (
            <>
              <ConfirmAction
                inRow
                look="text"
                label={words.approve}
                name={words.approveOf(user, app)}
                title={words.approveTitle(user, app)}
                body={words.approveBody}
                doLook="main"
                act={async () => {
                  await decide({
                    params: { tenant, id },
                    body: { decision: 'approve', accessSeconds: Number(choice.value) },
                  })
                }}
              >
                <ChoiceField label={words.approveFor} choice={choice} choices={accessLengths} />
              </ConfirmAction>
              <ConfirmAction
                inRow
                label={words.refuse}
                name={words.refuseOf(user, app)}
                title={words.refuseTitle(user, app)}
                body={words.refuseBody}
                act={async () => {
                  await decide({ params: { tenant, id }, body: { decision: 'refuse' } })
                }}
              />
            </>
          )
        },
      },
    ],
    [tenant, mayChange, decide],
  )
  return (
    <Section title={words.requests}>
      <DataTable
        label={words.requests}
        columns={columns}
        rows={open}
        rowKey={(request) => request.id}
        error={list.error}
        onRetry={() => void list.refetch()}
        empty={<p className="state state-small">{words.requestsEmpty}</p>}
      />
    </Section>
  )
}

function PersonLink({ name }: { readonly name: string }): ReactNode {
  return (
    <Link to="/t/$tenant/people/$name" params={{ tenant: useTenant(), name }}>
      {name}
    </Link>
  )
}

function contractState({ from, until }: OrganisationView): ReactNode {
  const now = Date.now()
  if (Date.parse(until) <= now) return <Status kind="deny">{words.windowState.after}</Status>
  if (Date.parse(from) > now) return <Status kind="quiet">{words.windowState.before}</Status>
  return <Status kind="allow">{words.windowState.inside}</Status>
}

function Organisations(): ReactNode {
  const tenant = useTenant()
  const { search, after, query } = useListSearch()
  const list = usePages('listResources', { params: { tenant, plural: 'organisations' }, query })
  const rows = useMemo(() => list.items?.map((item) => ({ name: item.name, ...readOrganisation(item) })), [list.items])
  const columns = useMemo<readonly Column<OrganisationView & { readonly name: string }>[]>(
    () => [
      {
        id: 'name',
        head: text.column.organisation,
        cell: (organisation) => (
          <span className="two">
            <span className="strong">{organisation.displayName}</span>
            {organisation.displayName !== organisation.name && <span className="small quiet">{organisation.name}</span>}
          </span>
        ),
      },
      { id: 'sponsor', head: text.column.sponsor, cell: (organisation) => <PersonLink name={organisation.sponsor} /> },
      {
        id: 'window',
        head: text.column.window,
        cell: (organisation) => (
          <span className="two">
            {contractState(organisation)}
            <span className="small quiet">
              <Moment at={organisation.from} form="day" /> – <Moment at={organisation.until} form="day" />
            </span>
          </span>
        ),
      },
      { id: 'apps', head: text.column.apps, cell: (organisation) => <Tags names={organisation.apps} /> },
    ],
    [],
  )
  return (
    <Section
      title={words.organisations}
      acts={
        <div className="toolbar">
          <SearchField />
        </div>
      }
    >
      <DataTable
        label={words.organisations}
        columns={columns}
        rows={rows}
        rowKey={(organisation) => organisation.name}
        {...pagedState(list, { search, after }, <Empty title={words.empty} lead={words.emptyLead} />)}
      />
    </Section>
  )
}

function Approvals(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const list = useRoute('listApprovals', { params: { tenant }, query: { limit: 200 } }, listRefresh)
  const withdraw = useChange('deleteApproval').mutateAsync
  const columns = useMemo<readonly Column<Approval>[]>(
    () => [
      { id: 'person', head: text.column.person, cell: (approval) => <PersonLink name={approval.user} /> },
      { id: 'app', head: text.column.app, cell: (approval) => approval.app },
      { id: 'by', head: text.column.by, cell: (approval) => approval.approvedBy },
      { id: 'until', head: text.column.until, cell: (approval) => <Moment at={approval.expiresAt} form="day-time" /> },
      {
        id: 'acts',
        head: text.column.action,
        look: 'acts',
        cell: ({ id, user, app }) =>
          mayChange && (
            <ConfirmAction
              inRow
              label={words.withdraw}
              name={words.withdrawOf(user, app)}
              title={words.withdrawTitle(user, app)}
              body={words.withdrawBody}
              act={() => withdraw({ params: { tenant, id } })}
            />
          ),
      },
    ],
    [tenant, mayChange, withdraw],
  )
  return (
    <Section title={words.approvals}>
      <DataTable
        label={words.approvals}
        columns={columns}
        rows={list.data?.items}
        rowKey={(approval) => approval.id}
        error={list.error}
        empty={<p className="state state-small">{words.approvalsEmpty}</p>}
      />
    </Section>
  )
}

function AddOrganisation(): ReactNode {
  const tenant = useTenant()
  const apply = useChange('apply')
  const [form, setForm] = useState({ name: '', displayName: '', sponsor: '', from: '', until: '', apps: '' })
  const set = (key: keyof typeof form) => (value: string) => setForm((before) => ({ ...before, [key]: value }))
  const sponsors = useSuggestions('users', form.sponsor)
  return (
    <FormAction
      label={words.add}
      look="main"
      title={words.add}
      lead={words.emptyLead}
      submit={words.addDo}
      act={async () => {
        const spec = {
          ...(form.displayName && { displayName: form.displayName }),
          sponsor: form.sponsor,
          from: new Date(`${form.from}T00:00`).toISOString(),
          // The last day counts whole.
          until: new Date(`${form.until}T23:59:59`).toISOString(),
          apps: namesIn(form.apps),
        }
        await apply.mutateAsync({
          params: { tenant },
          body: { documents: [{ kind: 'Organisation', name: form.name, spec }] },
        })
      }}
    >
      <div className="fields">
        <TextField label={words.name} value={form.name} onText={set('name')} required maxLength={40} />
        <TextField label={words.display} value={form.displayName} onText={set('displayName')} maxLength={120} />
        <TextField
          label={words.sponsor}
          hint={words.sponsorHint}
          value={form.sponsor}
          onText={set('sponsor')}
          options={sponsors}
          required
          maxLength={127}
        />
        <TextField label={words.apps} hint={words.appsHint} value={form.apps} onText={set('apps')} required />
        <TextField label={words.from} type="date" value={form.from} onText={set('from')} required />
        <TextField label={words.until} type="date" value={form.until} onText={set('until')} required />
      </div>
    </FormAction>
  )
}
