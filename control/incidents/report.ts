// The report of an incident: what it was, who and what it touched, what was done when, how far it could have gone.
import type { BlastRadius, IncidentGraph, IncidentLink, IncidentView, TimelineItem } from '#core/api/incident-routes.ts'
import { spanText, type ReportDocument } from '#core/report/document.ts'

export type Told = {
  readonly incident: IncidentView
  readonly links: readonly IncidentLink[]
  readonly timeline: readonly TimelineItem[]
  readonly graph: IncidentGraph
  readonly radii: readonly BlastRadius[]
  readonly isPartial: boolean
}

export function incidentDocument({ incident, links, timeline, graph, radii, isPartial }: Told): ReportDocument {
  const acts = timeline.filter(({ kind }) => kind === 'act')
  const firstOf = (what: string) => acts.find((act) => act.what === what)
  const noticed = timeline.find(({ kind }) => kind === 'story')
  const since = (from: string | undefined, to: string | undefined) =>
    from === undefined || to === undefined ? '–' : spanText(Math.max(0, Date.parse(to) - Date.parse(from)))
  const nameOf = new Map(graph.nodes.map(({ id, name }) => [id, name]))
  return {
    title: incident.title,
    verdict: {
      text: incident.cause ?? incident.state,
      look:
        incident.state !== 'closed'
          ? 'plain'
          : incident.cause === 'attack' || incident.cause === 'misuse'
            ? 'bad'
            : 'good',
    },
    subtitle: `${incident.id} · severity ${incident.severity} · opened ${incident.openedAt} by ${incident.openedBy}`,
    sections: [
      {
        title: 'Summary',
        blocks: [
          {
            kind: 'facts',
            facts: [
              ['State', incident.state],
              ['Cause', incident.cause ?? 'not yet known'],
              ['In charge', incident.takenBy ?? 'nobody'],
              ['Closed', incident.closedAt ?? 'no'],
              ['Noticed to opened', since(noticed?.at, incident.openedAt)],
              ['Opened to contained', since(incident.openedAt, firstOf('contained')?.at)],
              ['Opened to closed', since(incident.openedAt, incident.closedAt ?? undefined)],
            ],
          },
          ...(incident.causeText === '' ? [] : [{ kind: 'text' as const, text: incident.causeText }]),
        ],
      },
      {
        title: 'What it is about',
        blocks: [
          { kind: 'table', head: ['Kind', 'Name', 'Id'], rows: links.map(({ kind, name, id }) => [kind, name, id]) },
        ],
      },
      ...radii.map((radius) => ({
        title: `Blast radius of ${radius.user}`,
        blocks: [
          {
            kind: 'facts' as const,
            facts: [
              ['Could reach', `${radius.could} apps`],
              ['Did reach', `${radius.did} apps`],
              ['Can reach now', `${radius.now} apps`],
              ['Live now', `${radius.liveSessions} sessions, ${radius.liveFlows} flows`],
            ] as const,
          },
          {
            kind: 'table' as const,
            head: ['App', 'Could', 'Let in', 'Refused', 'Bytes in / out', 'Now'],
            rows: radius.apps.map((app) => [
              app.app,
              app.could ? 'yes' : 'no',
              String(app.allowed),
              String(app.refused),
              `${app.bytesIn} / ${app.bytesOut}`,
              app.now ? 'yes' : (app.stopped ?? 'no'),
            ]),
          },
        ],
      })),
      {
        title: 'Who reached what',
        blocks: [
          {
            kind: 'table',
            head: ['From', 'To', 'Times', 'Refused', 'First', 'Last'],
            rows: graph.edges.map(({ from, to, count, refused, firstAt, lastAt }) => [
              nameOf.get(from) ?? from,
              nameOf.get(to) ?? to,
              String(count),
              String(refused),
              firstAt,
              lastAt,
            ]),
          },
        ],
      },
      {
        title: 'Timeline',
        blocks: [
          ...(isPartial ? [{ kind: 'text' as const, text: 'There were more events than are shown here.' }] : []),
          {
            kind: 'table',
            head: ['When', 'What', 'Who', 'Detail'],
            rows: timeline.map(({ at, what, by, text, isRefused }) => [
              at,
              isRefused ? `${what}, refused` : what,
              by ?? '',
              text,
            ]),
          },
        ],
      },
    ],
  }
}
