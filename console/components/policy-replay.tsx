// What a change would have done to the decisions of the last days: who loses, who gains, what is unknown.
import { useMemo, type ReactNode } from 'react'
import type { Job } from '#console/api/use-policy-job.ts'
import { count } from '#console/messages/plural.ts'
import { text } from '#console/messages/text.ts'
import { DataTable, type Column } from './data-table.tsx'
import { Moment } from './moment.tsx'
import { Section } from './page.tsx'
import { Empty, Note } from './state.tsx'

type Report = NonNullable<Job['replay']>
type Side = Report['loses']
type Row = Side['rows'][number]

const mostRows = 50
const mostNames = 8

export function PolicyReplay({ report, days }: { readonly report: Report; readonly days: number }): ReactNode {
  const { loses, gains, same, unknown, duties, drifted } = report
  return (
    <div className="stack-wide" aria-live="polite">
      <p className="prose">
        {text.whatIf.decisions(report.decisions, report.classes, days)} {text.whatIf.same(same.allowed + same.denied)}
      </p>
      <Change title={text.whatIf.loses} none={text.whatIf.nobodyLoses} side={loses} />
      <Change title={text.whatIf.gains} none={text.whatIf.nobodyGains} side={gains} />
      {duties.decisions > 0 && <Note kind="warn">{text.whatIf.duties(duties.decisions)}</Note>}
      {unknown.why.map(({ why, decisions }) => (
        <Note key={why} kind="warn">
          {text.whatIf.unknown(decisions, why)}
        </Note>
      ))}
      {drifted > 0 && <Note>{text.whatIf.drifted(drifted)}</Note>}
    </div>
  )
}

function Change({
  title,
  none,
  side,
}: {
  readonly title: string
  readonly none: string
  readonly side: Side
}): ReactNode {
  const columns = useMemo<readonly Column<Row>[]>(
    () => [
      {
        id: 'user',
        head: text.whatIf.who,
        cell: (row) => (row.organisation === null ? row.user : `${row.user} (${row.organisation})`),
      },
      { id: 'app', head: text.whatIf.app, cell: (row) => row.app },
      { id: 'used', head: text.whatIf.used, look: 'end', cell: (row) => count(row.decisions) },
      { id: 'last', head: text.whatIf.last, look: 'end', cell: (row) => <Moment at={row.last} /> },
      { id: 'then', head: text.whatIf.then, look: 'clip', cell: (row) => <span className="second">{row.after}</span> },
    ],
    [],
  )
  if (side.decisions === 0) return <Note kind="allow">{none}</Note>
  return (
    <Section title={title}>
      <div className="stack">
        <DataTable
          label={title}
          columns={columns}
          rows={side.rows.slice(0, mostRows)}
          rowKey={(row) => `${row.user} ${row.app}`}
          empty={<Empty title={none} />}
        />
        {side.pairs > mostRows && <p className="small quiet">{text.whatIf.more(side.pairs - mostRows)}</p>}
        {side.byGroup.length > 0 && <p className="small second">{text.whatIf.byGroup(names(side.byGroup))}</p>}
        {side.byOrganisation.length > 0 && (
          <p className="small second">{text.whatIf.byThirdParty(names(side.byOrganisation))}</p>
        )}
      </div>
    </Section>
  )
}

function names(list: Side['byGroup']): string {
  return list
    .slice(0, mostNames)
    .map(({ name, people }) => `${name} ${count(people)}`)
    .join(', ')
}
