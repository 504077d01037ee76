// Commands of incidents: open, look, take, contain, recover, close, report; pivot through events; blast radius.
import { writeFileSync } from 'node:fs'
import type { IncidentView } from '#core/api/incident-routes.ts'
import { apiOptions, type Command, type Input, parseDuration, UsageFault } from '#cli/command.ts'
import { age, safe, table, write, writeJson } from '#cli/output.ts'
import { effectLine } from './effect.ts'

const severities = ['low', 'medium', 'high', 'critical'] as const
const causes = ['attack', 'misuse', 'mistake', 'expected', 'false-alarm', 'drill', 'unknown'] as const
const kinds = ['user', 'device', 'session', 'app', 'connector', 'organisation'] as const

function oneOf<T extends string>(known: readonly T[], text: string | undefined, command: Command): T | undefined {
  if (text === undefined) return undefined
  const found = known.find((each) => each === text)
  if (found === undefined) throw new UsageFault(`"${text}" is none of ${known.join(', ')}`, command)
  return found
}

function show(input: Input, incident: IncidentView): number {
  if (input.isJson) writeJson(incident)
  else
    write(
      safe(
        `${incident.id}  ${incident.state}${incident.cause ? ` (${incident.cause})` : ''}  ${incident.severity}  ${incident.title}`,
      ),
    )
  return 0
}

export const incidentList: Command = {
  usage: 'incident list',
  summary: 'incidents, newest first',
  options: {
    state: { type: 'string', help: 'open, taken, contained, recovered or closed' },
    search: { type: 'string', help: 'title contains' },
    ...apiOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const state = oneOf(
      ['open', 'taken', 'contained', 'recovered', 'closed'] as const,
      input.text('state'),
      incidentList,
    )
    const search = input.text('search')
    const { items, total } = await input
      .api()
      .call('listIncidents', { query: { limit: 100, ...(state && { state }), ...(search && { search }) } })
    if (input.isJson) writeJson(items)
    else {
      write(
        table(
          ['INCIDENT', 'STATE', 'SEVERITY', 'AGE', 'IN CHARGE', 'TITLE'],
          items.map((item) => [
            item.id,
            item.cause ?? item.state,
            item.severity,
            age(item.openedAt),
            item.takenBy ?? '–',
            item.title,
          ]),
        ),
      )
      if (total > items.length) write(`${items.length} of ${total}`)
    }
    return 0
  },
}

export const incidentOpen: Command = {
  usage: 'incident open',
  summary: 'open an incident from a story, or by hand with a title',
  options: {
    story: { type: 'string', help: 'id of the story' },
    title: { type: 'string', help: "default the story's sentence" },
    severity: { type: 'string', help: severities.join(', ') },
    user: { type: 'string', help: 'a user that it is about' },
    app: { type: 'string', help: 'an app that it is about' },
    comment: { type: 'string', help: 'first words' },
    ...apiOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const [story, title, comment] = [input.text('story'), input.text('title'), input.text('comment')]
    if (story === undefined && title === undefined) throw new UsageFault('Give --story or --title', incidentOpen)
    const severity = oneOf(severities, input.text('severity'), incidentOpen)
    const subjects = (['user', 'app'] as const).flatMap((kind) => {
      const name = input.text(kind)
      return name === undefined ? [] : [{ kind, name }]
    })
    const body = {
      ...(story && { story }),
      ...(title && { title }),
      ...(severity && { severity }),
      ...(comment && { comment }),
      subjects,
    }
    return show(input, await input.api().call('openIncident', { body }))
  },
}

export const incidentShow: Command = {
  usage: 'incident show INCIDENT',
  summary: 'an incident with its things, its timeline, and who reached what',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const found = await input.api().call('getIncident', { params: { id: input.words[0] ?? '' } })
    if (input.isJson) {
      writeJson(found)
      return 0
    }
    const { incident, links, timeline, graph, isPartial } = found
    show(input, incident)
    write(
      `\n${table(
        ['ABOUT', 'NAME', 'ID'],
        links.map(({ kind, name, id }) => [kind, name, id]),
      )}`,
    )
    const nameOf = new Map(graph.nodes.map(({ id, name }) => [id, name]))
    write(
      `\n${table(
        ['FROM', 'REACHED', 'TIMES', 'REFUSED'],
        graph.edges.map(({ from, to, count, refused }) => [
          nameOf.get(from) ?? from,
          nameOf.get(to) ?? to,
          count,
          refused,
        ]),
      )}`,
    )
    write(
      `\n${table(
        ['WHEN', 'WHAT', 'WHO', 'DETAIL'],
        timeline.map(({ at, what, by, text, isRefused }) => [
          at,
          isRefused ? `${what}, refused` : what,
          by ?? '',
          text,
        ]),
      )}`,
    )
    if (isPartial) write('There were more events than are shown.')
    return 0
  },
}

function change(
  usage: string,
  summary: string,
  positionals: Command['positionals'],
  bodyOf: (input: Input) => object,
): Command {
  return {
    usage,
    summary,
    options: apiOptions,
    positionals,
    async run(input) {
      const params = { id: input.words[0] ?? '' }
      return show(input, await input.api().call('changeIncident', { params, body: bodyOf(input) }))
    },
  }
}

export const incidentTake = change('incident take INCIDENT', 'take charge of an incident', [1, 1], () => ({
  take: true,
}))

export const incidentTriage: Command = change(
  'incident triage INCIDENT SEVERITY',
  `say how severe it is: ${severities.join(', ')}`,
  [2, 2],
  (input) => ({ severity: oneOf(severities, input.words[1], incidentTriage) }),
)

export const incidentComment = change('incident comment INCIDENT TEXT', 'write into its history', [2, 2], (input) => ({
  comment: input.words[1] ?? '',
}))

export const incidentClose: Command = change(
  'incident close INCIDENT CAUSE [TEXT]',
  `close with a cause: ${causes.join(', ')}`,
  [2, 3],
  (input) => ({ close: { cause: oneOf(causes, input.words[1], incidentClose), text: input.words[2] ?? '' } }),
)

export const incidentReopen = change('incident reopen INCIDENT', 'open a closed incident again', [1, 1], () => ({
  reopen: true,
}))

export const incidentAdd: Command = {
  usage: 'incident add INCIDENT KIND NAME',
  summary: 'say that it is also about a story, event, user, device, session, app, connector or organisation',
  options: apiOptions,
  positionals: [3, 3],
  async run(input) {
    const kind = oneOf([...kinds, 'story', 'event'] as const, input.words[1], incidentAdd) ?? 'user'
    const link = await input.api().call('addToIncident', {
      params: { id: input.words[0] ?? '' },
      body: { kind, name: input.words[2] ?? '' },
    })
    if (input.isJson) writeJson(link)
    else write(safe(`${link.kind} ${link.name} is part of it.`))
    return 0
  },
}

export const incidentContain: Command = {
  usage: 'incident contain INCIDENT KIND NAME',
  summary: 'contain a user, device, session, app, connector or organisation everywhere, as part of the incident',
  options: {
    for: { type: 'string', help: 'how long, e.g. 4h (the default)' },
    'acknowledge-lockout': { type: 'boolean', help: 'go on although no administrator is left until it ends' },
    ...apiOptions,
  },
  positionals: [3, 3],
  async run(input) {
    const reply = await input.api().call('containInIncident', {
      params: { id: input.words[0] ?? '' },
      body: {
        kind: oneOf(kinds, input.words[1], incidentContain) ?? 'user',
        name: input.words[2] ?? '',
        expiresInSeconds: parseDuration(input.text('for') ?? '4h'),
        ...(input.flag('acknowledge-lockout') && { acknowledgeLockout: true }),
      },
    })
    if (input.isJson) writeJson(reply)
    else write(`${reply.containment}\n${effectLine(reply.effect)}`)
    return reply.effect.missing.length === 0 ? 0 : 1
  },
}

export const incidentRecover: Command = {
  usage: 'incident recover INCIDENT',
  summary: 'undo the containments of the incident',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const reply = await input.api().call('recoverIncident', { params: { id: input.words[0] ?? '' }, body: {} })
    if (input.isJson) writeJson(reply)
    else write(`${reply.released} released. ${effectLine(reply.effect)}`)
    return reply.effect.missing.length === 0 ? 0 : 1
  },
}

export const incidentReport: Command = {
  usage: 'incident report INCIDENT --out FILE',
  summary: 'write the report: HTML, PDF or OCSF events, by the name of the file (.html, .pdf, .ndjson)',
  options: { out: { type: 'string', help: 'file to write' }, ...apiOptions },
  positionals: [1, 1],
  async run(input) {
    const out = input.text('out')
    if (out === undefined) throw new UsageFault('Name the file with --out', incidentReport)
    const format = out.endsWith('.pdf') ? 'pdf' : /\.(nd)?json$/.test(out) ? 'ocsf' : 'html'
    const params = { id: input.words[0] ?? '' }
    const { content } = await input.api().call('getIncidentReport', { params, query: { format } })
    writeFileSync(out, Buffer.from(content, 'base64'), { mode: 0o600 })
    write(`Report: ${out}`)
    return 0
  },
}

export const investigate: Command = {
  usage: 'investigate [FIELD=VALUE]',
  summary: 'pivot: events in which a field has a value, counted by another field',
  options: {
    by: { type: 'string', help: 'dotted path to count by, e.g. app_name' },
    since: { type: 'string', help: 'no older than 90s, 15m, 12h, 30d (default 7d)' },
    limit: { type: 'string', help: 'events shown (default 20)' },
    ...apiOptions,
  },
  positionals: [0, 1],
  async run(input) {
    const asked = input.words[0]
    const at = asked?.indexOf('=') ?? -1
    if (asked !== undefined && at < 1) throw new UsageFault('Write FIELD=VALUE', investigate)
    const [by, since] = [input.text('by'), input.text('since')]
    const found = await input.api().call('investigate', {
      query: {
        ...(asked !== undefined && { field: asked.slice(0, at), value: asked.slice(at + 1) }),
        ...(by !== undefined && { by }),
        ...(since !== undefined && { from: new Date(Date.now() - parseDuration(since) * 1000).toISOString() }),
        limit: Number(input.text('limit') ?? 20),
      },
    })
    if (input.isJson) {
      writeJson(found)
      return 0
    }
    if (by !== undefined)
      write(
        table(
          [by.toUpperCase(), 'TIMES', 'FIRST', 'LAST'],
          found.counts.map(({ value, count, firstAt, lastAt }) => [value, count, firstAt, lastAt]),
        ),
      )
    else for (const event of found.items) write(safe(JSON.stringify(event)))
    write(`${found.found} events${found.isPartial ? ', and more than were looked through' : ''}`)
    return 0
  },
}

export const blastRadius: Command = {
  usage: 'blast-radius USER',
  summary: 'what a user could reach, did reach and can reach now',
  options: { since: { type: 'string', help: 'events no older than 15m, 12h, 30d (default 7d)' }, ...apiOptions },
  positionals: [1, 1],
  async run(input) {
    const since = input.text('since')
    const radius = await input.api().call('getBlastRadius', {
      params: { name: input.words[0] ?? '' },
      query: { ...(since !== undefined && { from: new Date(Date.now() - parseDuration(since) * 1000).toISOString() }) },
    })
    if (input.isJson) writeJson(radius)
    else {
      write(
        table(
          ['APP', 'COULD', 'LET IN', 'REFUSED', 'BYTES IN', 'BYTES OUT', 'NOW'],
          radius.apps.map((app) => [
            app.app,
            app.could ? 'yes' : 'no',
            app.allowed,
            app.refused,
            app.bytesIn,
            app.bytesOut,
            app.now ? 'yes' : (app.stopped ?? 'no'),
          ]),
        ),
      )
      for (const { host, allowed, refused } of radius.hosts)
        write(safe(`internet: ${host}  ${allowed} let in, ${refused} refused`))
      write(
        `Could reach ${radius.could} apps, did reach ${radius.did}, can reach ${radius.now} now; ${radius.liveSessions} live sessions, ${radius.liveFlows} live flows.`,
      )
      if (radius.isPartial) write('There were more events than were looked through.')
    }
    return 0
  },
}
