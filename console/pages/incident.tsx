// One incident: what it is about, everything that happened on one timeline, who reached what, how far it goes, and what
// can be done about it.
import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { IncidentLink } from '#core/api/incident-routes.ts'
import { call, type Reply } from '#console/api/client.ts'
import { listRefresh, useRoute } from '#console/api/use-route.ts'
import { DataTable } from '#console/components/data-table.tsx'
import { IncidentActs } from '#console/components/incident-acts.tsx'
import { IncidentGraphPicture } from '#console/components/incident-graph.tsx'
import { IncidentRuns } from '#console/components/incident-runs.tsx'
import { IncidentTimeline } from '#console/components/incident-timeline.tsx'
import { Moment } from '#console/components/moment.tsx'
import { Facts, Page, Section } from '#console/components/page.tsx'
import { ReportDownload } from '#console/components/report-download.tsx'
import { Status } from '#console/components/status.tsx'
import { UnreadPage } from '#console/components/unread-page.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'
import { kindOfSeverity, kindOfState } from './incidents.tsx'

const words = text.incidents

export function IncidentPage(): ReactNode {
  const tenant = useTenant()
  const { id = '' } = useParams({ strict: false })
  const found = useRoute('getIncident', { params: { tenant, id } }, listRefresh)
  const crumb = (
    <Link to="/t/$tenant/incidents" params={{ tenant }}>
      {words.crumb}
    </Link>
  )
  if (found.data === undefined) return <UnreadPage title={words.title} crumb={crumb} found={found} />
  return <Case crumb={crumb} {...found.data} />
}

function Case({
  incident,
  links,
  timeline,
  graph,
  isPartial,
  crumb,
}: Reply<'getIncident'> & { readonly crumb: ReactNode }) {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const people = links.filter(({ kind }) => kind === 'user').slice(0, 3)
  return (
    <Page
      title={incident.title}
      lead={incident.causeText}
      crumb={crumb}
      acts={mayChange && <IncidentActs incident={incident} links={links} />}
    >
      <div className="panel panel-pad">
        <Facts
          facts={[
            [
              words.state,
              <Status key="state" kind={kindOfState(incident.state)}>
                {words.states[incident.state]}
              </Status>,
            ],
            incident.cause !== null && [words.cause, words.causes[incident.cause]],
            [
              words.severity,
              <Status key="severity" kind={kindOfSeverity(incident.severity)}>
                {words.severities[incident.severity]}
              </Status>,
            ],
            [words.inCharge, incident.takenBy ?? words.nobody],
            [words.opened, <Moment key="opened" at={incident.openedAt} />],
            incident.closedAt !== null && [words.closed, <Moment key="closed" at={incident.closedAt} />],
            [words.about, <About key="about" links={links} />],
          ]}
        />
        <div className="row">
          <ReportDownload
            label={words.report}
            formats={['html', 'pdf', 'ocsf']}
            fetchReport={(format) =>
              call('getIncidentReport', {
                params: { tenant, id: incident.id },
                query: { format: format === 'pdf' ? 'pdf' : format === 'ocsf' ? 'ocsf' : 'html' },
              })
            }
          />
        </div>
      </div>
      {people.map(({ id, name }) => (
        <Radius key={id} id={id} name={name} />
      ))}
      <Section title={words.graph}>
        {graph.edges.length === 0 ? (
          <p className="small second">{words.noGraph}</p>
        ) : (
          <>
            <IncidentGraphPicture graph={graph} label={words.graph} />
            <Edges graph={graph} />
            {graph.leftOut > 0 && <p className="small second">{words.leftOut(graph.leftOut)}</p>}
          </>
        )}
      </Section>
      <IncidentRuns incident={incident} />
      <Section title={words.timeline} {...(isPartial && { hint: words.partial })}>
        <IncidentTimeline items={timeline} />
      </Section>
    </Page>
  )
}

function About({ links }: { readonly links: readonly IncidentLink[] }): ReactNode {
  const tenant = useTenant()
  return (
    <span className="tags">
      {links.map(({ kind, id, name }) => (
        <span key={`${kind} ${id}`} className="tag">
          {kind === 'story' ? (
            <Link to="/t/$tenant/stories/$id" params={{ tenant, id }}>
              {text.stories.kinds[name] ?? name}
            </Link>
          ) : kind === 'user' ? (
            <Link to="/t/$tenant/people/$name" params={{ tenant, name }}>
              {name}
            </Link>
          ) : (
            `${kind} ${name}`
          )}
        </span>
      ))}
    </span>
  )
}

type Edge = Reply<'getIncident'>['graph']['edges'][number]

function Edges({ graph }: { readonly graph: Reply<'getIncident'>['graph'] }): ReactNode {
  const nameOf = new Map(graph.nodes.map(({ id, name }) => [id, name]))
  return (
    <DataTable<Edge>
      label={words.graph}
      columns={[
        { id: 'from', head: words.from, cell: ({ from }) => nameOf.get(from) ?? from },
        { id: 'to', head: words.to, cell: ({ to }) => nameOf.get(to) ?? to },
        { id: 'times', head: words.times, look: 'end', cell: ({ count }) => count },
        { id: 'refused', head: words.refusedTimes, look: 'end', cell: ({ refused }) => refused },
        { id: 'last', head: words.last, look: 'end', cell: ({ lastAt }) => <Moment at={lastAt} /> },
      ]}
      rows={graph.edges}
      rowKey={({ from, to }) => `${from} ${to}`}
      empty={null}
    />
  )
}

type Reached = Reply<'getBlastRadius'>['apps'][number]

function Radius({ id, name }: { readonly id: string; readonly name: string }): ReactNode {
  const tenant = useTenant()
  const found = useRoute('getBlastRadius', { params: { tenant, name: id }, query: {} }, listRefresh)
  const radius = found.data
  return (
    <Section title={words.radius(name)}>
      {radius && (
        <Facts
          facts={[
            [words.could, words.apps(radius.could)],
            [words.did, words.apps(radius.did)],
            [words.now, words.apps(radius.now)],
            [words.live, words.liveOf(radius.liveSessions, radius.liveFlows)],
          ]}
        />
      )}
      <DataTable<Reached>
        label={words.radius(name)}
        columns={[
          { id: 'app', head: words.app, cell: ({ app }) => app },
          { id: 'could', head: words.could, look: 'tight', cell: ({ could }) => (could ? words.yes : words.no) },
          { id: 'in', head: words.letIn, look: 'end', cell: ({ allowed }) => allowed },
          { id: 'refused', head: words.refusedTimes, look: 'end', cell: ({ refused }) => refused },
          {
            id: 'now',
            head: words.now,
            look: 'tight',
            cell: ({ now, stopped }) =>
              now ? <Status kind="deny">{words.yes}</Status> : <Status kind="allow">{stopped ?? words.no}</Status>,
          },
        ]}
        rows={radius?.apps}
        rowKey={({ app }) => app}
        error={found.error}
        onRetry={() => void found.refetch()}
        empty={<p className="state state-small">{words.noGraph}</p>}
      />
    </Section>
  )
}
