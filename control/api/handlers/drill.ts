// Drills: started, kept alive, finished and stopped by tenant administrators. Must never show a running blind drill, nor
// what belongs to it, to anybody but those who administer the tenant.
import { drillDocument } from '#core/drill/report.ts'
import { injectsOf, spanMs, unknownHandles } from '#core/drill/scenario.ts'
import type { DrillReport, DrillView } from '#core/api/drill-routes.ts'
import { Fault } from '#core/fault.ts'
import { htmlOf } from '#core/report/html.ts'
import type { ApiContext, Some } from '#control/api/call.ts'
import { mapPage, newestFirst, pageOf } from '#control/api/page.ts'
import { caps } from '#control/caps.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import { endDrill } from '#control/drill/end.ts'
import { gapView } from '#control/drill/gaps.ts'
import { issueDrill, proveScenario } from '#control/drill/issue.ts'
import { libraryScenario, nextDrillAtMs, playScenario } from '#control/drill/play.ts'
import { attackView } from '#control/drill/attack-view.ts'
import { eventOf } from '#control/drill/report-event.ts'
import { openLedger, sealLedger } from '#control/drill/ledger.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import { fileOf } from './incidents.ts'
import { withPin } from './administration.ts'
import { openDevice } from './enrolment.ts'
import { detailsOf } from './resources.ts'

export const drillHandlers: Some<
  | 'listDrills'
  | 'getDrill'
  | 'getAttackView'
  | 'getDrillReport'
  | 'answerDrill'
  | 'startDrill'
  | 'openDrillDevice'
  | 'keepDrill'
  | 'proveDrill'
  | 'playDrill'
  | 'getDrillSchedule'
  | 'setDrillSchedule'
  | 'listDrillGaps'
  | 'assignDrillGap'
  | 'finishDrill'
  | 'stopDrill'
> = {
  listDrills: async ({ context, tenant, tenantId, principal, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    const rows = await tenant.selectFrom('drills').selectAll().execute()
    // Whoever has started a blind one knows already, and needs the way back to its stop button.
    const shown = rows.filter(
      (row) =>
        row.endedAtMs !== null ||
        row.startedBy === principal.userId ||
        openLedger(row, context).scenario.blind === false,
    )
    const page = pageOf(
      shown,
      query,
      ({ startedAtMs, id }) => newestFirst(startedAtMs, id),
      ({ id }) => id,
    )
    return mapPage(page, (row) => view(row, context, mirror))
  },

  getDrill: async ({ context, tenant, tenantId, params }) => {
    const row = await drillRow(tenant, params['id'] ?? '')
    const { scenario, answers = [], progress = null, proof } = openLedger(row, context)
    return {
      answers,
      drill: view(row, context, await context.mirrors.current(tenantId)),
      scenario,
      report: reportOf(row),
      restored: row.restored === null ? null : row.restored === 1,
      progress: row.endedAtMs === null ? progress : null,
      proof,
    }
  },

  getAttackView: async ({ context, tenant }) => {
    const rows = await tenant.selectFrom('drills').selectAll().where('drills.report', 'is not', null).execute()
    const played = rows
      .toSorted((a, b) => b.startedAtMs - a.startedAtMs)
      .map((row) => ({ row, scenario: openLedger(row, context).scenario, verdict: reportOf(row)?.verdict ?? 'failed' }))
    return attackView(context.scenarios, played, context.nowMs())
  },

  getDrillReport: async ({ context, tenant, tenantId, params, query }) => {
    const row = await drillRow(tenant, params['id'] ?? '')
    const report = reportOf(row)
    if (!report) throw new Fault('not-found', { hint: 'It has no report.' })
    const { scenario } = openLedger(row, context)
    const drill = view(row, context, await context.mirrors.current(tenantId))
    if (query.format === 'ocsf')
      return fileOf(
        `${row.id}.ndjson`,
        'application/x-ndjson',
        `${JSON.stringify(eventOf(row, scenario, drill, report))}\n`,
      )
    const document = drillDocument({
      drill,
      scenario,
      report,
      restored: row.restored === null ? null : row.restored === 1,
    })
    if (query.format !== 'pdf') return fileOf(`${row.id}.html`, 'text/html; charset=utf-8', htmlOf(document))
    const { pdfOf } = await import('#control/reports/pdf.ts')
    return fileOf(`${row.id}.pdf`, 'application/pdf', await pdfOf(document, context.nowMs()))
  },

  answerDrill: async ({ context, tenant, tenantId, params, principal, body, record }) => {
    const mirror = await context.mirrors.current(tenantId)
    const by = mirror.get('user', principal.userId)?.name ?? principal.userName
    const answer = { inject: body.inject, by, at: isoTime(context.nowMs()), text: body.text }
    const row = await tenant.transaction(async (tx) => {
      const running = await runningRow(tx, params['id'] ?? '', context)
      const ledger = openLedger(running, context)
      const answers = ledger.answers ?? []
      if (body.inject >= injectsOf(ledger.scenario).length) throw new Fault('not-found')
      if (answers.length >= caps.drillAnswers.default) throw new Fault('at-capacity')
      const sealed = sealLedger(tenantId, running.id, { ...ledger, answers: [...answers, answer] }, context)
      await tx.updateTable('drills').set({ sealed }).where('drills.id', '=', running.id).execute()
      return running
    })
    await record({ target: row.id, resourceKind: 'drill', operation: 'answerDrill' })
    return answer
  },

  startDrill: async ({ context, tenant, tenantId, principal, body, record }) => {
    const { scenario, ports } = body
    const unknown = unknownHandles(scenario)
    if (unknown.length > 0)
      throw new Fault('document-invalid', { hint: `The scenario has no actor or app ${unknown.join(', ')}.` })
    if (spanMs(scenario.within) > caps.drillMs.default)
      throw new Fault('document-invalid', { hint: 'A drill lasts at most 60 minutes.' })
    await forgetOldest(tenant)
    const mirror = await context.mirrors.current(tenantId)
    const sponsor = mirror.get('user', principal.userId)?.name
    if (sponsor === undefined) throw new Fault('not-permitted')
    const { row, ledger, connectorSecret, applied } = await issueDrill(
      { tenantId, scenario, ports, startedBy: principal.userId, sponsor },
      context,
    )
    // To the letter as any other change of resources: whoever watches the journal must not be told, and misses nothing.
    await record({ target: 'apply', operation: 'apply', details: detailsOf(applied) })
    return {
      drill: view(row, context, mirror),
      connectorToken: withPin(connectorSecret, context.enrolmentPin),
      actors: mapValues(ledger.actors, ({ name, userId }) => ({ user: name, userId })),
      apps: mapValues(ledger.apps, ({ name, appId, host, port }, handle) => ({
        name,
        appId,
        host,
        port,
        kind: scenario.apps[handle]?.kind ?? 'tcp',
      })),
      proof: ledger.proof,
    }
  },

  openDrillDevice: async ({ context, tenant, tenantId, params, body, ip }) => {
    const row = await runningRow(tenant, params['id'] ?? '', context)
    const { actors, scenario } = openLedger(row, context)
    const actor = Object.hasOwn(actors, body.actor) ? actors[body.actor] : undefined
    if (!actor) throw new Fault('not-found')
    // On record as any enrolment is, by the person whose device it is: an event of the administrator's beside it would be
    // told by nobody but a drill.
    return openDevice(
      {
        tenantId,
        userId: actor.userId,
        csrPem: body.csrPem,
        name: body.name,
        os: body.os,
        factors: scenario.actors[body.actor]?.factors ?? ['pwd', 'otp'],
        ip,
        expiresAtMs: row.endsAtMs,
        before: async () => {},
        after: async () => {},
      },
      context,
    )
  },

  keepDrill: async ({ context, tenant, tenantId, params, body }) => {
    const aliveAtMs = context.nowMs()
    const row = await tenant.transaction(async (tx) => {
      const running = await runningRow(tx, params['id'] ?? '', context)
      const sealed =
        body.progress === undefined
          ? running.sealed
          : sealLedger(tenantId, running.id, { ...openLedger(running, context), progress: body.progress }, context)
      await tx.updateTable('drills').set({ aliveAtMs, sealed }).where('drills.id', '=', running.id).execute()
      return { ...running, sealed }
    })
    return view({ ...row, aliveAtMs }, context, await context.mirrors.current(tenantId))
  },

  proveDrill: async ({ context, tenant, tenantId, principal, body }) => {
    await requireNoneRunning(tenant)
    const scenario = libraryScenario(body.scenario, context)
    const issue = { tenantId, scenario, startedBy: principal.userId, sponsor: principal.userName }
    return proveScenario(issue, context)
  },

  playDrill: async ({ context, tenant, tenantId, principal, body }) => {
    await requireNoneRunning(tenant)
    const id = await playScenario(principal, body.scenario, context)
    return view(await drillRow(tenant, id), context, await context.mirrors.current(tenantId))
  },

  getDrillSchedule: async ({ context, tenant, tenantId }) =>
    scheduleView(await scheduleRow(tenant), await context.mirrors.current(tenantId)),

  setDrillSchedule: async ({ context, tenant, tenantId, principal, body, record }) => {
    const { everySeconds, scenarios } = body
    for (const name of scenarios) libraryScenario(name, context)
    if (everySeconds !== null && scenarios.length === 0)
      throw new Fault('document-invalid', { hint: 'Name a scenario at least.' })
    if (context.links.conductor === undefined) throw new Fault('conductor-unavailable')
    const nextAtMs = everySeconds === null ? 0 : nextDrillAtMs(context.nowMs(), everySeconds, Math.random())
    await tenant.transaction(async (tx) => {
      await tx.deleteFrom('drillSchedules').execute()
      if (everySeconds !== null)
        await tx
          .insertInto('drillSchedules', {
            everySeconds,
            scenarios: JSON.stringify(scenarios),
            setBy: principal.userId,
            nextAtMs,
            failure: null,
          })
          .execute()
    })
    await record({ target: 'drills', resourceKind: 'drillSchedule', details: { everySeconds, scenarios } })
    return scheduleView(await scheduleRow(tenant), await context.mirrors.current(tenantId))
  },

  listDrillGaps: async ({ context, tenant, tenantId, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    const page = pageOf(
      await tenant.selectFrom('drillGaps').selectAll().execute(),
      query,
      ({ closedAtMs, openedAtMs, id }) =>
        `${closedAtMs === null ? 'a' : 'b'}${newestFirst(closedAtMs ?? openedAtMs, id)}`,
      ({ scenario, expectation }) => `${scenario} ${expectation}`,
    )
    return mapPage(page, (row) => gapView(row, mirror))
  },

  assignDrillGap: async ({ context, tenant, tenantId, params, body, record }) => {
    const mirror = await context.mirrors.current(tenantId)
    const owner = [...mirror.all('user')].find(({ name }) => name === body.owner)
    if (owner === undefined) throw new Fault('reference-unknown', { hint: `There is no user ${body.owner}.` })
    const row = await tenant
      .updateTable('drillGaps')
      .set({ ownerId: owner.id })
      .where('drillGaps.id', '=', params['id'] ?? '')
      .returningAll()
      .executeTakeFirst()
    if (row === undefined) throw new Fault('not-found')
    await record({ target: row.id, resourceKind: 'drillGap', details: { owner: owner.name } })
    return gapView(row, mirror)
  },

  finishDrill: async ({ context, tenant, tenantId, params, body, record }) => {
    const row = await runningRow(tenant, params['id'] ?? '', context)
    await record({ target: row.id, resourceKind: 'drill', details: { verdict: body.verdict } })
    const ended = await endDrill(row, 'finished', body, context)
    return { drill: view(ended, context, await context.mirrors.current(tenantId)), restored: ended.restored === 1 }
  },

  stopDrill: async ({ context, tenant, tenantId, params, record }) => {
    const row = await runningRow(tenant, params['id'] ?? '', context)
    await record({ target: row.id, resourceKind: 'drill' })
    const ended = await endDrill(row, 'stopped', null, context)
    return view(ended, context, await context.mirrors.current(tenantId))
  },
}

async function drillRow(tenant: TenantHandle, id: string): Promise<Row<'drills'>> {
  const row = await tenant.selectFrom('drills').selectAll().where('drills.id', '=', id).executeTakeFirst()
  if (!row) throw new Fault('not-found')
  return row
}

async function runningRow(tenant: TenantHandle, id: string, { nowMs }: ApiContext): Promise<Row<'drills'>> {
  const row = await drillRow(tenant, id)
  if (row.endedAtMs !== null || row.endsAtMs <= nowMs()) throw new Fault('not-found', { hint: 'The drill has ended.' })
  return row
}

async function requireNoneRunning(tenant: TenantHandle): Promise<void> {
  const running = await tenant
    .selectFrom('drills')
    .select('drills.id')
    .where('drills.endedAtMs', 'is', null)
    .executeTakeFirst()
  if (running) throw new Fault('drill-running')
}

const scheduleRow = (tenant: TenantHandle) => tenant.selectFrom('drillSchedules').selectAll().executeTakeFirst()

function scheduleView(row: Row<'drillSchedules'> | undefined, mirror: TenantMirror) {
  if (row === undefined) return { everySeconds: null, scenarios: [], by: null, nextAt: null, failure: null }
  return {
    everySeconds: row.everySeconds,
    scenarios: JSON.parse(row.scenarios) as string[],
    by: mirror.get('user', row.setBy)?.name ?? row.setBy,
    nextAt: isoTime(row.nextAtMs),
    failure: row.failure,
  }
}

/** Reports are kept until there are too many; running drills are never touched. */
async function forgetOldest(tenant: TenantHandle): Promise<void> {
  const ended = await tenant
    .selectFrom('drills')
    .select('drills.id')
    .where('drills.endedAtMs', 'is not', null)
    .orderBy('drills.startedAtMs')
    .execute()
  for (const { id } of ended.slice(0, Math.max(0, ended.length + 1 - caps.drillsKept.default)))
    await tenant.deleteFrom('drills').where('drills.id', '=', id).execute()
}

function view(row: Row<'drills'>, context: ApiContext, mirror: TenantMirror): DrillView {
  const { scenario } = openLedger(row, context)
  const report = reportOf(row)
  return {
    id: row.id,
    name: scenario.drill,
    version: scenario.version,
    title: scenario.title,
    level: scenario.level,
    state: row.endedAtMs === null ? 'running' : 'ended',
    startedBy: mirror.get('user', row.startedBy)?.name ?? row.startedBy,
    startedAt: isoTime(row.startedAtMs),
    endsAt: isoTime(row.endsAtMs),
    endedAt: row.endedAtMs === null ? null : isoTime(row.endedAtMs),
    endReason: row.endReason,
    verdict: report?.verdict ?? null,
    techniques: scenario.attack?.techniques ?? [],
    detectMs: report?.detectMs ?? null,
    containMs: report?.containMs?.p99 ?? null,
  }
}

/** Written by `finishDrill` after its schema was checked. */
function reportOf({ report }: Row<'drills'>): DrillReport | null {
  return report === null ? null : (JSON.parse(report) as DrillReport)
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, to: (value: V, key: string) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, to(value, key)]))
}
