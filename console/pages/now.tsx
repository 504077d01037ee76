// *Now*: who is using what, by which policy, and who was refused; drawn from the live stream.
import { Link, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useMemo, useState, type ReactNode } from 'react'
import type { LiveLook } from '#core/api/live-routes.ts'
import type { LiveFlow } from '#core/wire/feed.ts'
import { useLook } from '#console/api/live-events.ts'
import { useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { buttonClass } from '#console/components/button.tsx'
import { useDenials } from '#console/components/denials.ts'
import { DenialList } from '#console/components/denial-list.tsx'
import { DataTable, NoMatch, type Column } from '#console/components/data-table.tsx'
import { FirstRun } from '#console/components/first-run.tsx'
import { sideFor } from '#console/components/flow-layout.ts'
import { FlowPicture } from '#console/components/flow-picture.tsx'
import { bytes, bytesParts, lasting } from '#console/components/moment.tsx'
import { Page, Section } from '#console/components/page.tsx'
import type { RateSample } from '#console/components/rate-plot.tsx'
import { SearchField } from '#console/components/search-field.tsx'
import { Empty, Note } from '#console/components/state.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { count } from '#console/messages/plural.ts'
import { text } from '#console/messages/text.ts'

const RatePlot = lazy(async () => ({ default: (await import('#console/components/rate-plot.tsx')).RatePlot }))

// Kept while the tab lives, so that leaving the page and coming back does not lose the curve.
const history: { tenant: string; samples: readonly RateSample[] } = { tenant: '', samples: [] }

function useRates(tenant: string, look: LiveLook | null): readonly RateSample[] {
  const [samples, setSamples] = useState(() => (history.tenant === tenant ? history.samples : []))
  useEffect(() => {
    if (look === null) return
    setSamples((before) => {
      if (before.at(-1)?.atMs === look.atMs) return before
      const sample = { atMs: look.atMs, fromApps: look.fromAppsPerSecond, toApps: look.toAppsPerSecond }
      const kept = [...before, sample].slice(-caps.rateSamples)
      history.tenant = tenant
      history.samples = kept
      return kept
    })
  }, [tenant, look])
  return samples
}

export function NowPage(): ReactNode {
  const tenant = useTenant()
  const { look, state } = useLook(tenant)
  const denials = useDenials(tenant)
  const samples = useRates(tenant, look)
  const { by }: { by?: string | undefined } = useSearch({ strict: false })
  const mayChange = useMayChange()
  const latest = samples.at(-1)
  const [rate, unit] = bytesParts((latest?.fromApps ?? 0) + (latest?.toApps ?? 0))
  const { events: denied, outages } = denials
  const side = sideFor(look?.people ?? 0, by)
  const atLeast = (events: readonly unknown[] | undefined) =>
    events === undefined ? '–' : denials.isMore ? `${count(events.length)}+` : count(events.length)
  return (
    <Page title={text.now.title}>
      <FirstRun />
      <h2 className="hidden-text">{text.now.picture}</h2>
      <div className="panel">
        <dl className="figures">
          <Figure label={text.now.flows}>{look === null ? '–' : count(look.flows)}</Figure>
          <Figure label={text.now.people}>{look === null ? '–' : count(look.people)}</Figure>
          <Figure label={text.now.apps}>{look === null ? '–' : count(look.apps)}</Figure>
          <Figure label={text.now.rate}>
            {latest === undefined ? '–' : rate} <span className="figure-unit">{unit}/s</span>
          </Figure>
          <Figure label={text.now.denials} kind={(denied?.length ?? 0) > 0 ? 'deny' : 'plain'}>
            {atLeast(denied)}
          </Figure>
          <Figure label={text.now.outages} kind={(outages?.length ?? 0) > 0 ? 'warn' : 'plain'}>
            {atLeast(outages)}
          </Figure>
        </dl>
      </div>
      {(look?.health.missing.length ?? 0) > 0 && (
        <Note kind="warn">{text.now.missing(look?.health.missing.length ?? 0)}</Note>
      )}
      {look === null ? (
        state === 'away' ? (
          <div className="panel">
            <Empty title={text.state.failed} lead={text.health.streams.away} />
          </div>
        ) : (
          <div className="panel state" aria-busy="true">
            <p>{text.now.reading}</p>
          </div>
        )
      ) : look.flows === 0 ? (
        <div className="panel">
          <Empty title={text.now.empty} lead={text.now.emptyLead}>
            {mayChange && (
              <Link to="/t/$tenant/publish" params={{ tenant }} className={buttonClass()}>
                {text.now.emptyAct}
              </Link>
            )}
          </Empty>
        </div>
      ) : (
        <div className="panel">
          <div className="picture-by" role="group" aria-label={text.now.by}>
            {(['people', 'groups'] as const).map((entry) => (
              <Link
                key={entry}
                to="."
                search={(before: object) => ({ ...before, by: entry })}
                replace
                className="segment"
                aria-current={side === entry ? 'true' : undefined}
              >
                {entry === 'people' ? text.now.byPeople : text.now.byGroups}
              </Link>
            ))}
          </div>
          <FlowPicture look={look} side={side} denials={denied?.length ?? 0} />
        </div>
      )}
      <div className="columns columns-uneven">
        <Section
          title={text.now.denialsTitle}
          acts={
            <Link
              to="/t/$tenant/events"
              params={{ tenant }}
              search={{ outcome: 'failure' }}
              className={buttonClass('text', true)}
            >
              {text.now.denialsAll}
            </Link>
          }
        >
          <DenialList events={denied?.slice(0, caps.denialRows)} error={denials.error} />
        </Section>
        <Section
          title={text.now.rateTitle}
          acts={
            <div className="legend">
              <span>
                <i />
                {text.now.rateIn} {latest && `${bytes(latest.fromApps)}/s`}
              </span>
              <span>
                <i className="legend-out" />
                {text.now.rateOut} {latest && `${bytes(latest.toApps)}/s`}
              </span>
            </div>
          }
        >
          <div className="panel plot">
            <Suspense fallback={null}>
              <RatePlot samples={samples} label={text.now.rateLabel} />
            </Suspense>
          </div>
        </Section>
      </div>
      {look?.flows !== 0 && <FlowTable />}
    </Page>
  )
}

function Figure({
  label,
  kind = 'plain',
  children,
}: {
  readonly label: string
  readonly kind?: 'plain' | 'deny' | 'warn'
  readonly children: ReactNode
}): ReactNode {
  return (
    <div className={`figure${kind === 'plain' ? '' : ` figure-${kind}`}`}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function FlowTable(): ReactNode {
  const tenant = useTenant()
  const { search }: { search?: string | undefined } = useSearch({ strict: false })
  const list = useRoute(
    'listFlows',
    { params: { tenant }, query: { limit: search ? caps.flowRowsSearched : caps.flowRows } },
    { everyMs: caps.flowsEveryMs, keep: true },
  )
  const flows = list.data?.items
  const total = list.data?.total ?? 0
  const atMs = list.dataUpdatedAt
  const found = useMemo(() => {
    const wanted = search?.toLowerCase()
    const all = [...(flows ?? [])].sort((a, b) => b.openedAtMs - a.openedAtMs)
    if (!wanted) return all
    return all.filter((flow) =>
      [flow.userName, flow.appName, flow.clientIp, flow.way, ...flow.policies].some((part) =>
        part.toLowerCase().includes(wanted),
      ),
    )
  }, [flows, search])
  const columns = useMemo<readonly Column<LiveFlow>[]>(
    () => [
      {
        id: 'person',
        head: text.column.person,
        cell: (flow) => (
          <Link to="/t/$tenant/people/$name" params={{ tenant, name: flow.userName }} className="row-link">
            {flow.userName}
          </Link>
        ),
      },
      {
        id: 'app',
        head: text.column.app,
        cell: (flow) => (
          <Link to="/t/$tenant/apps/$name" params={{ tenant, name: flow.appName }}>
            {flow.appName}
          </Link>
        ),
      },
      {
        id: 'way',
        head: text.column.way,
        deskOnly: true,
        cell: (flow) => <span title={text.wayHint[flow.way]}>{text.way[flow.way]}</span>,
      },
      {
        id: 'policies',
        head: text.column.policies,
        cell: (flow) =>
          flow.policies.length === 0 ? (
            <span className="quiet">{text.now.noPolicy}</span>
          ) : (
            <span className="tags">
              {flow.policies.map((name) => (
                <Link
                  key={name}
                  to="/t/$tenant/policies/$name"
                  params={{ tenant, name: name.split('#')[0] || name }}
                  className="tag"
                >
                  {name}
                </Link>
              ))}
            </span>
          ),
      },
      {
        id: 'from',
        head: text.column.from,
        deskOnly: true,
        cell: (flow) => <span className="mono">{flow.clientIp}</span>,
      },
      {
        id: 'bytes',
        head: text.column.bytes,
        deskOnly: true,
        look: 'end',
        cell: (flow) => (
          <span className="nowrap">
            {bytes(flow.bytesOut)} <span className="quiet">/</span> {bytes(flow.bytesIn)}
          </span>
        ),
      },
      {
        id: 'age',
        head: text.column.age,
        look: 'end',
        cell: (flow) => <span className="nowrap">{lasting(atMs - flow.openedAtMs)}</span>,
      },
    ],
    [tenant, atMs],
  )
  const shown = found.slice(0, caps.flowRowsShown)
  const rest = found.length - shown.length
  return (
    <Section
      title={text.now.table}
      acts={
        <div className="toolbar">
          <SearchField label={text.now.filter} />
        </div>
      }
    >
      <DataTable
        label={text.now.table}
        columns={columns}
        rows={flows === undefined ? undefined : shown}
        rowKey={(flow) => flow.flowId}
        error={list.error}
        onRetry={() => void list.refetch()}
        empty={search ? <NoMatch /> : <p className="state state-small">{text.now.empty}</p>}
        foot={
          (rest > 0 || (flows !== undefined && flows.length < total)) && (
            <div className="table-foot">
              <span>
                {rest > 0 && text.now.rest(rest)}{' '}
                {flows !== undefined && flows.length < total && text.now.truncated(flows.length, total)}
              </span>
            </div>
          )
        }
      />
    </Section>
  )
}
