// *Now*: who is using what, by which policy, and who was refused. Looks every two seconds while visible.
import { Link, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import type { LiveFlow } from '#core/wire/feed.ts'
import { useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { buttonClass } from '#console/components/button.tsx'
import { useDenials } from '#console/components/denials.ts'
import { DenialList } from '#console/components/denial-list.tsx'
import { DataTable, NoMatch, type Column } from '#console/components/data-table.tsx'
import { summarizeFlows } from '#console/components/flow-layout.ts'
import { FlowPicture } from '#console/components/flow-picture.tsx'
import { bytes, bytesParts, lasting } from '#console/components/moment.tsx'
import { Page, Section } from '#console/components/page.tsx'
import { ratesBetween, type Look, type RateSample } from '#console/components/rates.ts'
import { SearchField } from '#console/components/search-field.tsx'
import { Empty, Failed, Note } from '#console/components/state.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { count } from '#console/messages/plural.ts'
import { text } from '#console/messages/text.ts'

const RatePlot = lazy(async () => ({ default: (await import('#console/components/rate-plot.tsx')).RatePlot }))

// Kept while the tab lives, so that leaving the page and coming back does not lose the curve.
const history: { tenant: string; samples: readonly RateSample[] } = { tenant: '', samples: [] }
const noOne: ReadonlySet<string> = new Set()

function useRates(tenant: string, flows: readonly LiveFlow[] | undefined, atMs: number) {
  const before = useRef<Look | null>(null)
  const [state, setState] = useState<{ samples: readonly RateSample[]; busy: ReadonlySet<string> }>({
    samples: history.tenant === tenant ? history.samples : [],
    busy: noOne,
  })
  useEffect(() => {
    if (flows === undefined || atMs === 0) return
    const look = { atMs, flows }
    const last = before.current
    before.current = look
    if (last === null || atMs <= last.atMs) return
    const { sample, busyPeople } = ratesBetween(last, look)
    setState(({ samples }) => {
      const kept = [...samples, sample].slice(-caps.rateSamples)
      history.tenant = tenant
      history.samples = kept
      return { samples: kept, busy: busyPeople }
    })
  }, [tenant, flows, atMs])
  return state
}

export function NowPage(): ReactNode {
  const tenant = useTenant()
  const flows = useRoute(
    'listFlows',
    { params: { tenant }, query: { limit: caps.flowRows } },
    { everyMs: caps.flowsEveryMs },
  )
  const items = flows.data?.items
  const denials = useDenials(tenant)
  const summary = useMemo(() => summarizeFlows(items ?? [], caps.pictureNames), [items])
  const rates = useRates(tenant, items, flows.dataUpdatedAt)
  const latest = rates.samples.at(-1)
  const mayChange = useMayChange()
  if (flows.isError && flows.data === undefined) {
    return (
      <Page title={text.now.title}>
        <Failed error={flows.error} onRetry={() => void flows.refetch()} />
      </Page>
    )
  }
  const total = flows.data?.total
  const [rate, unit] = bytesParts((latest?.fromApps ?? 0) + (latest?.toApps ?? 0))
  const { events: denied, outages } = denials
  return (
    <Page title={text.now.title}>
      <h2 className="hidden-text">{text.now.picture}</h2>
      <div className="panel">
        <dl className="figures">
          <Figure label={text.now.flows}>{total === undefined ? '–' : count(total)}</Figure>
          <Figure label={text.now.people}>{items === undefined ? '–' : count(summary.peopleTotal)}</Figure>
          <Figure label={text.now.apps}>{items === undefined ? '–' : count(summary.appsTotal)}</Figure>
          <Figure label={text.now.rate}>
            {latest === undefined ? '–' : rate} <span className="figure-unit">{unit}/s</span>
          </Figure>
          <Figure label={text.now.denials} kind={(denied?.length ?? 0) > 0 ? 'deny' : 'plain'}>
            {denied === undefined ? '–' : denials.isMore ? `${count(denied.length)}+` : count(denied.length)}
          </Figure>
          <Figure label={text.now.outages} kind={(outages?.length ?? 0) > 0 ? 'warn' : 'plain'}>
            {outages === undefined ? '–' : denials.isMore ? `${count(outages.length)}+` : count(outages.length)}
          </Figure>
        </dl>
      </div>
      {(flows.data?.missing.length ?? 0) > 0 && (
        <Note kind="warn">{text.now.missing(flows.data?.missing.length ?? 0)}</Note>
      )}
      {total === 0 ? (
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
        items !== undefined && (
          <div className="panel">
            <FlowPicture data={summary} flows={total ?? 0} denials={denied?.length ?? 0} busyPeople={rates.busy} />
          </div>
        )
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
              <RatePlot samples={rates.samples} label={text.now.rateLabel} />
            </Suspense>
          </div>
        </Section>
      </div>
      {total !== 0 && <FlowTable flows={items} total={total ?? 0} atMs={flows.dataUpdatedAt} />}
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

function FlowTable({
  flows,
  total,
  atMs,
}: {
  readonly flows: readonly LiveFlow[] | undefined
  readonly total: number
  readonly atMs: number
}): ReactNode {
  const tenant = useTenant()
  const { search }: { search?: string | undefined } = useSearch({ strict: false })
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
        empty={<NoMatch />}
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
