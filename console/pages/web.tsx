// *Internet*: how much of it was looked into and why not the rest, what was stopped, and who moved how much where.
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Reply } from '#console/api/client.ts'
import { useRoute } from '#console/api/use-route.ts'
import { DataTable, type Column } from '#console/components/data-table.tsx'
import { SelectField } from '#console/components/field.tsx'
import { bytes, bytesParts, Moment } from '#console/components/moment.tsx'
import { Page, Section } from '#console/components/page.tsx'
import { Empty, Failed, Note } from '#console/components/state.tsx'
import { Status } from '#console/components/status.tsx'
import { useTenant } from '#console/components/who.ts'
import { count } from '#console/messages/plural.ts'
import { text } from '#console/messages/text.ts'

type Overview = Reply<'webOverview'>
type Weighed = Overview['people'][number]
type Counted = Overview['denied'][number]
type Stop = Overview['stops'][number]

const choices = [1, 24, 168] as const

export function WebPage(): ReactNode {
  const tenant = useTenant()
  const search: { readonly hours?: string | undefined } = useSearch({ strict: false })
  const navigate = useNavigate()
  const hours = choices.find((each) => String(each) === search.hours) ?? 24
  const overview = useRoute('webOverview', { params: { tenant }, query: { hours } }, { everyMs: 60_000, keep: true })
  const { data } = overview
  const all = (data?.bytes.inspected ?? 0) + (data?.bytes.passed ?? 0)
  const isEmpty = data !== undefined && data.events === 0
  return (
    <Page
      title={text.web.title}
      lead={text.web.lead}
      acts={
        <SelectField
          label={text.web.hours}
          value={String(hours)}
          onText={(next) => void navigate({ to: '.', search: { hours: next }, replace: true })}
          choices={choices.map((each) => [String(each), text.web.hoursOf[each] ?? ''] as const)}
        />
      }
    >
      {overview.isError && data === undefined && (
        <Failed error={overview.error} onRetry={() => void overview.refetch()} />
      )}
      {isEmpty ? (
        <div className="panel">
          <Empty title={text.web.empty} lead={text.web.emptyLead} />
        </div>
      ) : (
        <div className="stack-wide">
          <div className="panel">
            <dl className="figures">
              <Amount label={text.web.inspected} amount={data?.bytes.inspected} />
              <Amount label={text.web.passed} amount={data?.bytes.passed} />
              <Figure label={text.web.share}>{shareOf(data?.bytes.passed, all)}</Figure>
              <Figure label={text.web.refusals}>{sumOf(data?.denied)}</Figure>
              <Figure label={text.web.found}>{sumOf(data?.risks)}</Figure>
            </dl>
          </div>
          {data?.isWhole === false && <Note kind="warn">{text.web.notWhole(data.events)}</Note>}
          <Section title={text.web.stops}>
            <DataTable
              label={text.web.stops}
              columns={stopColumns(tenant)}
              rows={data?.stops}
              rowKey={({ event, kind }) => `${kind} ${event}`}
              empty={<p className="state state-small">{text.web.none}</p>}
            />
          </Section>
          <div className="columns">
            <Weights title={text.web.whyNot} rows={data?.uninspected} />
            <Counts title={text.web.risks} rows={data?.risks} />
          </div>
          <div className="columns">
            <Weights title={text.web.people} rows={data?.people} />
            <Weights title={text.web.destinations} rows={data?.destinations} />
          </div>
          <div className="columns">
            <Weights title={text.web.categories} rows={data?.categories} hint={text.web.categoriesHint} />
            <Counts title={text.web.denied} rows={data?.denied} words={text.events.reasons} />
          </div>
        </div>
      )}
    </Page>
  )
}

function Figure({ label, children }: { readonly label: string; readonly children: ReactNode }): ReactNode {
  return (
    <div className="figure">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Amount({ label, amount }: { readonly label: string; readonly amount: number | undefined }): ReactNode {
  const [figure, unit] = bytesParts(amount ?? 0)
  return (
    <Figure label={label}>
      {amount === undefined
        ? '–'
        : [
            figure,
            <span key="u" className="figure-unit">
              {' '}
              {unit}
            </span>,
          ]}
    </Figure>
  )
}

function shareOf(passed: number | undefined, all: number): string {
  return passed === undefined || all === 0 ? '–' : `${Math.round((passed / all) * 100)} %`
}

function sumOf(rows: readonly Counted[] | undefined): string {
  return rows === undefined ? '–' : count(rows.reduce((sum, row) => sum + row.count, 0))
}

function Weights({
  title,
  rows,
  hint,
}: {
  readonly title: string
  readonly rows: readonly Weighed[] | undefined
  readonly hint?: string
}): ReactNode {
  return (
    <Section title={title} {...(hint !== undefined && { hint })}>
      <DataTable
        label={title}
        columns={weightColumns}
        rows={rows}
        rowKey={({ name }) => name}
        empty={<p className="state state-small">{text.web.none}</p>}
      />
    </Section>
  )
}

const weightColumns: readonly Column<Weighed>[] = [
  { id: 'name', head: text.web.name, cell: ({ name }) => <span className="ellipsis">{name}</span> },
  { id: 'bytes', head: text.web.bytes, look: 'end', cell: (row) => bytes(row.bytes) },
  { id: 'flows', head: text.web.flows, look: 'end', cell: ({ flows }) => count(flows) },
]

function Counts({
  title,
  rows,
  words = (name) => name,
}: {
  readonly title: string
  readonly rows: readonly Counted[] | undefined
  readonly words?: (name: string) => string
}): ReactNode {
  const columns: readonly Column<Counted>[] = [
    { id: 'name', head: text.web.what, cell: ({ name }) => words(name) },
    { id: 'count', head: text.web.times, look: 'end', cell: (row) => count(row.count) },
  ]
  return (
    <Section title={title}>
      <DataTable
        label={title}
        columns={columns}
        rows={rows}
        rowKey={({ name }) => name}
        empty={<p className="state state-small">{text.web.none}</p>}
      />
    </Section>
  )
}

function stopColumns(tenant: string): readonly Column<Stop>[] {
  return [
    { id: 'at', head: text.column.when, look: 'tight', cell: ({ at }) => <Moment at={at} form="day-time" /> },
    {
      id: 'kind',
      head: text.web.what,
      look: 'tight',
      cell: ({ kind, severity }) => <Status kind={severity >= 4 ? 'deny' : 'warn'}>{text.web.kinds[kind]}</Status>,
    },
    { id: 'user', head: text.column.person, cell: ({ user }) => user ?? '–' },
    { id: 'host', head: text.web.name, cell: ({ host }) => <span className="mono ellipsis">{host ?? '–'}</span> },
    {
      id: 'words',
      head: text.web.because,
      cell: ({ event, words }) => (
        <Link to="/t/$tenant/web/stops/$event" params={{ tenant, event }}>
          {text.events.reasons(words)}
        </Link>
      ),
    },
  ]
}
