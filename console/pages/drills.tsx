// *Drills*: what was rehearsed and how it ended; each opens with its measures and its timeline.
import { Link, useParams } from '@tanstack/react-router'
import { useEffect, useMemo, useState, type ReactNode } from 'react'
import type { DrillReport, DrillView } from '#core/api/drill-routes.ts'
import { call, type Reply } from '#console/api/client.ts'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { ConfirmAction } from '#console/components/confirm-action.tsx'
import { DataTable, PageFoot, type Column } from '#console/components/data-table.tsx'
import { DrillBoard } from '#console/components/drill-board.tsx'
import { DrillGaps } from '#console/components/drill-gaps.tsx'
import { DrillInjects } from '#console/components/drill-injects.tsx'
import { DrillLibrary } from '#console/components/drill-library.tsx'
import { DrillTrend } from '#console/components/drill-trend.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Moment } from '#console/components/moment.tsx'
import { Facts, Page, Section, Tags } from '#console/components/page.tsx'
import { ReportDownload } from '#console/components/report-download.tsx'
import { Empty } from '#console/components/state.tsx'
import { Status } from '#console/components/status.tsx'
import { UnreadPage } from '#console/components/unread-page.tsx'
import { caps } from '#console/caps.ts'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

const words = text.drills

export function DrillsPage(): ReactNode {
  const tenant = useTenant()
  const { after, query } = useListSearch()
  const list = useRoute('listDrills', { params: { tenant }, query }, listRefresh)
  const columns = useMemo<readonly Column<DrillView>[]>(
    () => [
      {
        id: 'scenario',
        head: words.scenario,
        cell: (drill) => (
          <span className="two">
            <Link to="/t/$tenant/drills/$id" params={{ tenant, id: drill.id }} className="row-link">
              {drill.title}
            </Link>
            <span className="second">{drill.name}</span>
          </span>
        ),
      },
      { id: 'verdict', head: words.verdict, look: 'tight', cell: (drill) => verdictOf(drill) },
      { id: 'by', head: text.column.by, cell: (drill) => drill.startedBy },
      { id: 'started', head: words.started, look: 'end', cell: (drill) => <Moment at={drill.startedAt} /> },
    ],
    [tenant],
  )
  return (
    <Page title={words.title} lead={words.lead}>
      <DataTable
        label={words.title}
        columns={columns}
        rows={list.data?.items}
        rowKey={({ id }) => id}
        error={list.error}
        onRetry={() => void list.refetch()}
        isStale={list.isPlaceholderData}
        empty={<Empty title={words.empty} lead={words.emptyLead} />}
        foot={
          list.data && (
            <PageFoot shown={list.data.items.length} total={list.data.total} next={list.data.next} after={after} />
          )
        }
      />
      {list.data && <DrillTrend drills={list.data.items} />}
      <DrillGaps />
      <DrillLibrary />
    </Page>
  )
}

function verdictOf({ state, verdict }: DrillView): ReactNode {
  if (state === 'running') return <Status kind="warn">{words.running}</Status>
  if (verdict === null) return <Status kind="quiet">{words.ended}</Status>
  return <Status kind={verdict === 'passed' ? 'allow' : 'deny'}>{words[verdict]}</Status>
}

export function DrillPage(): ReactNode {
  const tenant = useTenant()
  const { id = '' } = useParams({ strict: false })
  const [isLive, setLive] = useState(true)
  const everyMs = isLive ? caps.boardEveryMs : caps.listEveryMs
  const found = useRoute('getDrill', { params: { tenant, id } }, { everyMs, keep: true })
  const state = found.data?.drill.state
  useEffect(() => setLive(state !== 'ended'), [state])
  const crumb = (
    <Link to="/t/$tenant/drills" params={{ tenant }}>
      {words.crumb}
    </Link>
  )
  if (found.data === undefined) return <UnreadPage title={words.title} crumb={crumb} found={found} />
  return <Drill crumb={crumb} {...found.data} />
}

function Drill(shown: Reply<'getDrill'> & { readonly crumb: ReactNode }) {
  const tenant = useTenant()
  const { drill, scenario, report, restored, progress, proof, crumb } = shown
  const mayChange = useMayChange()
  return (
    <Page
      title={scenario.title}
      lead={scenario.about}
      crumb={crumb}
      acts={mayChange && drill.state === 'running' && <Stop id={drill.id} />}
    >
      <div className="panel panel-pad">
        <Facts
          facts={[
            [words.verdict, verdictOf(drill)],
            [words.started, <Moment key="started" at={drill.startedAt} />],
            drill.endedAt !== null && [
              words.lasted,
              `${words.span(Date.parse(drill.endedAt) - Date.parse(drill.startedAt))}, ${words.endReasons[drill.endReason ?? ''] ?? drill.endReason ?? ''}`,
            ],
            scenario.level !== 'tabletop' && [
              words.proof,
              words.proven(proof.identities, proof.realApps, proof.policies),
            ],
            ...(report ? measures(report, restored) : []),
            scenario.attack !== undefined && [words.techniques, <Tags key="t" names={scenario.attack.techniques} />],
          ]}
        />
      </div>
      {report && (
        <div className="row">
          <ReportDownload
            label={words.report}
            formats={['html', 'pdf', 'ocsf']}
            fetchReport={(format) =>
              call('getDrillReport', {
                params: { tenant, id: drill.id },
                query: { format: format === 'pdf' ? 'pdf' : format === 'ocsf' ? 'ocsf' : 'html' },
              })
            }
          />
        </div>
      )}
      {progress && <DrillBoard progress={progress} />}
      <DrillInjects {...shown} />
      {progress && <Timeline timeline={progress.timeline} />}
      {report ? <Outcomes report={report} /> : drill.state === 'ended' && <p className="second">{words.noReport}</p>}
    </Page>
  )
}

function measures(report: DrillReport, restored: boolean | null): readonly (readonly [string, ReactNode])[] {
  const { detectMs, decideMs, hopsUntilSeen, containMs, residual, missing } = report
  return [
    [words.detect, detectMs === null ? words.notSeen : words.span(detectMs)],
    ...(decideMs === null || decideMs === undefined ? [] : [[words.decide, words.span(decideMs)] as const]),
    ...(hopsUntilSeen === null ? [] : [[words.hops, words.count(hopsUntilSeen)] as const]),
    ...(containMs === null ? [] : [[words.contained, words.paths(containMs.p99, containMs.paths)] as const]),
    [words.residual, residual.length === 0 ? text.state.none : residual.join(', ')],
    [words.missing, missing.length === 0 ? text.state.none : missing.join(', ')],
    ...(restored === null ? [] : [[words.restored, restored ? text.state.yes : text.state.no] as const]),
  ]
}

type Outcome = DrillReport['outcomes'][number]
type Happening = DrillReport['timeline'][number]

function Outcomes({ report }: { readonly report: DrillReport }): ReactNode {
  const outcomes = useMemo<readonly Column<Outcome>[]>(
    () => [
      { id: 'expected', head: words.expected, cell: (outcome) => outcome.expectation },
      { id: 'measured', head: words.measured, cell: (outcome) => outcome.measured },
      {
        id: 'met',
        head: words.verdict,
        look: 'tight',
        cell: ({ met }) => <Status kind={met ? 'allow' : 'deny'}>{met ? words.met : words.notMet}</Status>,
      },
    ],
    [],
  )
  return (
    <>
      <Section title={words.expected}>
        <DataTable
          label={words.expected}
          columns={outcomes}
          rows={report.outcomes}
          rowKey={({ expectation }) => expectation}
          empty={null}
        />
      </Section>
      <Timeline timeline={report.timeline} />
    </>
  )
}

function Timeline({ timeline }: Pick<DrillReport, 'timeline'>): ReactNode {
  const startMs = timeline[0]?.atMs ?? 0
  const columns = useMemo<readonly Column<Happening>[]>(
    () => [
      { id: 'after', head: words.after, look: 'tight', cell: ({ atMs }) => words.span(atMs - startMs) },
      { id: 'what', head: words.timeline, cell: (happening) => happening.text },
    ],
    [startMs],
  )
  return (
    <Section title={words.timeline}>
      <DataTable
        label={words.timeline}
        columns={columns}
        rows={timeline}
        rowKey={({ atMs, text: what }) => `${atMs} ${what}`}
        empty={null}
      />
    </Section>
  )
}

function Stop({ id }: { readonly id: string }): ReactNode {
  const tenant = useTenant()
  const stop = useChange('stopDrill').mutateAsync
  return (
    <ConfirmAction
      label={words.stop}
      title={words.stopTitle}
      body={words.stopBody}
      doLook="danger"
      act={async () => {
        await stop({ params: { tenant, id } })
      }}
    />
  )
}
