// *Incidents*: the cases, newest first. Each opens in full.
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState, type ReactNode } from 'react'
import type { IncidentView } from '#core/api/incident-routes.ts'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { DataTable, NoMatch, PageFoot, type Column } from '#console/components/data-table.tsx'
import { SelectField, TextField } from '#console/components/field.tsx'
import { FormAction } from '#console/components/form-action.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Moment } from '#console/components/moment.tsx'
import { Page } from '#console/components/page.tsx'
import { SearchField } from '#console/components/search-field.tsx'
import { Empty } from '#console/components/state.tsx'
import { Status, type StatusKind } from '#console/components/status.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

const words = text.incidents
const severities = Object.entries(words.severities)

export function kindOfSeverity(severity: IncidentView['severity']): StatusKind {
  return severity === 'low' ? 'quiet' : severity === 'medium' ? 'warn' : 'deny'
}

export function kindOfState(state: IncidentView['state']): StatusKind {
  return state === 'closed' ? 'quiet' : state === 'open' ? 'deny' : state === 'recovered' ? 'allow' : 'warn'
}

export function IncidentsPage(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const { search, after, query } = useListSearch()
  const { state }: { state?: string | undefined } = useSearch({ strict: false })
  const known = Object.keys(words.states).find((each) => each === state) as IncidentView['state'] | undefined
  const list = useRoute(
    'listIncidents',
    { params: { tenant }, query: { ...query, ...(known && { state: known }) } },
    listRefresh,
  )
  const columns = useMemo<readonly Column<IncidentView>[]>(
    () => [
      {
        id: 'title',
        head: words.name,
        cell: (incident) => (
          <Link to="/t/$tenant/incidents/$id" params={{ tenant, id: incident.id }} className="row-link">
            {incident.title}
          </Link>
        ),
      },
      {
        id: 'severity',
        head: words.severity,
        look: 'tight',
        cell: ({ severity }) => <Status kind={kindOfSeverity(severity)}>{words.severities[severity]}</Status>,
      },
      {
        id: 'state',
        head: words.state,
        look: 'tight',
        cell: ({ state: at, cause }) => (
          <Status kind={kindOfState(at)}>{cause === null ? words.states[at] : words.causes[cause]}</Status>
        ),
      },
      { id: 'who', head: words.inCharge, cell: ({ takenBy }) => takenBy ?? words.nobody },
      { id: 'opened', head: words.opened, look: 'end', cell: ({ openedAt }) => <Moment at={openedAt} /> },
    ],
    [tenant],
  )
  return (
    <Page title={words.title} lead={words.lead} acts={mayChange && <OpenByHand />}>
      <SearchField label={words.filter} />
      <DataTable
        label={words.title}
        columns={columns}
        rows={list.data?.items}
        rowKey={({ id }) => id}
        error={list.error}
        onRetry={() => void list.refetch()}
        isStale={list.isPlaceholderData}
        empty={search ? <NoMatch /> : <Empty title={words.empty} lead={words.emptyLead} />}
        foot={
          list.data && (
            <PageFoot shown={list.data.items.length} total={list.data.total} next={list.data.next} after={after} />
          )
        }
      />
    </Page>
  )
}

function OpenByHand(): ReactNode {
  const tenant = useTenant()
  const go = useNavigate()
  const open = useChange('openIncident').mutateAsync
  const [title, setTitle] = useState('')
  const [severity, setSeverity] = useState('medium')
  return (
    <FormAction
      look="main"
      label={words.open}
      title={words.openTitle}
      submit={words.open}
      onClosed={() => setTitle('')}
      act={async () => {
        const body = { title, severity: severity as IncidentView['severity'] }
        const { id } = await open({ params: { tenant }, body })
        await go({ to: '/t/$tenant/incidents/$id', params: { tenant, id } })
      }}
    >
      <TextField label={words.name} value={title} onText={setTitle} required maxLength={200} />
      <SelectField label={words.severity} value={severity} choices={severities} onText={setSeverity} />
    </FormAction>
  )
}
