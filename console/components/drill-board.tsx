// The live board of a drill: how far it is, how long each step took, what was opened, which flows are cut, who has answered.
import type { ReactNode } from 'react'
import type { DrillProgress } from '#core/api/drill-routes.ts'
import { text } from '#console/messages/text.ts'
import { DataTable } from './data-table.tsx'
import { Facts, Section } from './page.tsx'
import { Status } from './status.tsx'

const words = text.drills
const stages = Object.keys(words.stages) as readonly DrillProgress['stage'][]

export function DrillBoard({ progress }: { readonly progress: DrillProgress }): ReactNode {
  const { stage, firstHostileMs, seenMs, decidedMs, containedMs, visits, held, receipts, missing, residual } = progress
  const reached = stages.indexOf(stage)
  const between = (from: number | null, to: number | null) =>
    from === null || to === null ? words.waiting : words.span(Math.max(0, to - from))
  const hostile = visits.filter((visit) => visit.hostile)
  return (
    <Section title={words.board}>
      <ol className="drill-stages">
        {stages.map((each, at) => (
          <li key={each} className={at < reached ? 'is-past' : at === reached ? 'is-now' : 'is-ahead'}>
            <span aria-current={at === reached ? 'step' : undefined}>{words.stages[each]}</span>
          </li>
        ))}
      </ol>
      <div className="panel panel-pad">
        <Facts
          facts={[
            [words.detect, between(firstHostileMs, seenMs)],
            [words.decide, between(seenMs, decidedMs)],
            [words.lastByte, containedMs === null ? words.waiting : words.span(containedMs)],
            [
              words.opened,
              words.acts(hostile.filter(({ done }) => done).length, hostile.filter(({ done }) => !done).length),
            ],
            [
              words.residual,
              residual === null ? words.waiting : residual.length === 0 ? text.state.none : residual.join(', '),
            ],
          ]}
        />
      </div>
      {held.length > 0 && (
        <DataTable
          label={words.flows}
          columns={[
            { id: 'app', head: words.app, cell: ({ app }) => app },
            {
              id: 'state',
              head: words.flows,
              look: 'tight',
              cell: ({ open, lastByteMs }) => (
                <Status kind={open ? 'warn' : 'allow'}>{open ? words.flowOpen : words.flowCut(lastByteMs)}</Status>
              ),
            },
          ]}
          rows={held.map((flow, at) => ({ ...flow, at }))}
          rowKey={({ at }) => String(at)}
          empty={null}
        />
      )}
      {receipts.length + missing.length > 0 && (
        <DataTable
          label={words.receipts(receipts.length)}
          columns={[
            {
              id: 'exchange',
              head: words.exchange,
              cell: ({ exchangeId }) => <span className="mono">{exchangeId}</span>,
            },
            {
              id: 'cut',
              head: words.cutFlows,
              look: 'tight',
              cell: ({ cutFlows }) =>
                cutFlows === null ? <Status kind="deny">{words.unanswered}</Status> : words.count(cutFlows),
            },
          ]}
          rows={[...receipts, ...missing.map((exchangeId) => ({ exchangeId, cutFlows: null }))].map((each, at) => ({
            ...each,
            at,
          }))}
          rowKey={({ at }) => String(at)}
          empty={null}
        />
      )}
    </Section>
  )
}
