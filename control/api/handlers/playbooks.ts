// Runs of playbooks: listed, started by hand, answered, stopped. Who answers is in the history of the incident.
import type { PlaybookRunView } from '#core/api/playbook-routes.ts'
import { Fault } from '#core/fault.ts'
import type { Some } from '#control/api/call.ts'
import { mapPage, newestFirst, pageOf } from '#control/api/page.ts'
import { addEntry, incidentRow, linksOf } from '#control/incidents/acts.ts'
import { playbooksOf } from '#control/playbooks/runs.ts'
import { onTo, requireOpen } from '#control/playbooks/step.ts'
import { beginRun, specOfRun, type Run } from '#control/playbooks/store.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

export const playbookHandlers: Some<'listPlaybookRuns' | 'startPlaybook' | 'answerPlaybook' | 'stopPlaybook'> = {
  listPlaybookRuns: async ({ tenant, query }) => {
    const all = tenant.selectFrom('playbookRuns').selectAll()
    const { incident } = query
    const rows = await (incident === undefined ? all : all.where('playbookRuns.incidentId', '=', incident))
      .orderBy('playbookRuns.startedAtMs', 'desc')
      .limit(1000)
      .execute()
    const page = pageOf(
      rows,
      query,
      ({ startedAtMs, id }) => newestFirst(startedAtMs, id),
      ({ playbook }) => playbook,
    )
    return mapPage(page, runView)
  },

  startPlaybook: async ({ context, tenant, tenantId, principal, params, body, record }) => {
    const playbook = (await playbooksOf(tenantId, context)).find(({ name }) => name === body.playbook)
    const row = await tenant.transaction(async (tx) => {
      const incident = await incidentRow(tx, params['id'] ?? '')
      if (!playbook || playbook.spec.enabled === false) throw new Fault('not-found')
      if (incident.state === 'closed') throw new Fault('version-conflict', { hint: 'The incident is closed.' })
      const user = (await linksOf(tx, incident.id)).find(({ kind }) => kind === 'user')
      const run = await beginRun(tx, playbook, incident.id, user?.refId ?? null, context.nowMs())
      if (!run) throw new Fault('at-capacity', { hint: 'It runs here already, or has run as often as it may.' })
      const by = { id: principal.userId, name: principal.userName }
      await addEntry(tx, incident.id, 'playbook', `started ${playbook.name}`, by, context.nowMs())
      return run
    })
    await record({ target: row.id, resourceKind: 'playbookRun', details: { playbook: row.playbook } })
    return runView(row)
  },

  answerPlaybook: async ({ context, tenant, principal, params, body, record }) => {
    const row = await tenant.transaction(async (tx) => {
      const run = await runRow(tx, params['id'] ?? '')
      requireOpen(run)
      const step = specOfRun(run).steps.find(({ id }) => id === run.step)
      if (run.state !== 'asking' || !step || !('ask' in step))
        throw new Fault('version-conflict', { hint: 'It asks nothing at the moment.' })
      const by = { id: principal.userId, name: principal.userName }
      await addEntry(tx, run.incidentId, 'playbook', `${body.answer}: ${step.ask.question}`, by, context.nowMs())
      const next = onTo(step.ask[body.answer], context.nowMs())
      return change(tx, run, { ...next, endedAtMs: next.state === 'done' ? context.nowMs() : null })
    })
    await record({ target: row.id, resourceKind: 'playbookRun', details: { answer: body.answer } })
    return runView(row)
  },

  stopPlaybook: async ({ context, tenant, principal, params, record }) => {
    const row = await tenant.transaction(async (tx) => {
      const run = await runRow(tx, params['id'] ?? '')
      requireOpen(run)
      const by = { id: principal.userId, name: principal.userName }
      await addEntry(tx, run.incidentId, 'playbook', `stopped ${run.playbook}`, by, context.nowMs())
      return change(tx, run, { state: 'stopped', why: `by ${principal.userName}`, endedAtMs: context.nowMs() })
    })
    await record({ target: row.id, resourceKind: 'playbookRun' })
    return runView(row)
  },
}

async function runRow(tx: TenantHandle, id: string): Promise<Run> {
  const row = await tx.selectFrom('playbookRuns').selectAll().where('playbookRuns.id', '=', id).executeTakeFirst()
  if (!row) throw new Fault('not-found')
  return row
}

async function change(tx: TenantHandle, run: Run, next: Partial<Omit<Run, 'tenantId' | 'id'>>): Promise<Run> {
  const set = { ...next, stepsDone: run.stepsDone + 1 }
  await tx.updateTable('playbookRuns').set(set).where('playbookRuns.id', '=', run.id).execute()
  return { ...run, ...set }
}

function runView(row: Run): PlaybookRunView {
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    id: row.id,
    playbook: row.playbook,
    incident: row.incidentId,
    state: row.state,
    step: row.step,
    question: row.state === 'asking' ? row.question : null,
    dueAt: row.endedAtMs === null ? iso(row.dueAtMs) : null,
    startedAt: iso(row.startedAtMs),
    endedAt: row.endedAtMs === null ? null : iso(row.endedAtMs),
    why: row.why,
  }
}
