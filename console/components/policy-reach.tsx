// Who could reach what; of a change, what becomes possible or impossible.
import { useMemo, type ReactNode } from 'react'
import type { Job } from '#console/api/use-policy-job.ts'
import { count } from '#console/messages/plural.ts'
import { text } from '#console/messages/text.ts'
import { DataTable, type Column } from './data-table.tsx'
import { Section, Tags } from './page.tsx'
import { Empty } from './state.tsx'
import { Status } from './status.tsx'

type Report = NonNullable<Job['reach']>
type Possible = Report['possible'][number]
type Pair = NonNullable<Report['change']>['pairs'][number]
type OfApp = NonNullable<Report['change']>['apps'][number]

const mostRows = 100
const mostTags = 12

function whoIs({ kind, name }: { readonly kind: Possible['kind']; readonly name: string }): ReactNode {
  if (kind === 'anyone') return text.whatIf.anyone
  return (
    <>
      {name} <span className="quiet">{text.whatIf.kind[kind]}</span>
    </>
  )
}

export function PolicyReach({ report }: { readonly report: Report }): ReactNode {
  return report.change === null ? <Now report={report} /> : <Change change={report.change} />
}

function Now({ report }: { readonly report: Report }): ReactNode {
  const columns = useMemo<readonly Column<Possible>[]>(
    () => [
      { id: 'who', head: text.whatIf.who, cell: whoIs },
      { id: 'count', head: text.whatIf.apps, look: 'end', cell: ({ apps }) => count(apps.length) },
      {
        id: 'apps',
        head: text.whatIf.reach,
        cell: ({ apps }) => (
          <Tags
            names={[
              ...apps.slice(0, mostTags),
              ...(apps.length > mostTags ? [`+${count(apps.length - mostTags)}`] : []),
            ]}
          />
        ),
      },
    ],
    [],
  )
  return (
    <div className="stack" aria-live="polite">
      <p className="second">
        {text.whatIf.reachOf(report.people, report.apps)}, {report.circumstances}.
      </p>
      <DataTable
        label={text.whatIf.reach}
        columns={columns}
        rows={report.possible}
        rowKey={({ kind, name }) => `${kind} ${name}`}
        empty={<Empty title={text.whatIf.reach} />}
      />
    </div>
  )
}

function Change({ change }: { readonly change: NonNullable<Report['change']> }): ReactNode {
  const pairColumns = useMemo<readonly Column<Pair>[]>(
    () => [
      { id: 'who', head: text.whatIf.who, cell: whoIs },
      { id: 'app', head: text.whatIf.app, cell: ({ app }) => app },
      {
        id: 'becomes',
        head: text.whatIf.reach,
        cell: ({ becomes }) => (
          <Status kind={becomes === 'possible' ? 'warn' : 'quiet'}>{text.whatIf.becomes[becomes]}</Status>
        ),
      },
    ],
    [],
  )
  const appColumns = useMemo<readonly Column<OfApp>[]>(
    () => [
      { id: 'app', head: text.whatIf.app, cell: ({ app }) => app },
      { id: 'gain', head: text.whatIf.gains, look: 'end', cell: ({ gain }) => count(gain) },
      { id: 'lose', head: text.whatIf.loses, look: 'end', cell: ({ lose }) => count(lose) },
      {
        id: 'people',
        head: text.whatIf.people,
        look: 'clip',
        cell: ({ gaining, losing }) => [...gaining, ...losing].slice(0, mostTags).join(', '),
      },
    ],
    [],
  )
  if (change.pairs.length + change.apps.length === 0) return null
  return (
    <Section title={text.whatIf.reach} hint={text.whatIf.reachLead}>
      <div className="stack">
        {change.pairs.length > 0 && (
          <DataTable
            label={text.whatIf.reach}
            columns={pairColumns}
            rows={change.pairs.slice(0, mostRows)}
            rowKey={({ kind, name, app }) => `${kind} ${name} ${app}`}
            empty={null}
          />
        )}
        {change.apps.length > 0 && (
          <DataTable
            label={text.whatIf.people}
            columns={appColumns}
            rows={change.apps.slice(0, mostRows)}
            rowKey={({ app }) => app}
            empty={null}
          />
        )}
      </div>
    </Section>
  )
}
