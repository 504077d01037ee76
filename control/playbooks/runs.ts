// Runs playbooks: starts those that a story calls for, and takes the steps that are due, one at a time and bounded in number
// for each look. Must never let one run that fails keep the others.
import { asFault } from '#core/fault.ts'
import { storyLevel } from '#core/api/story-routes.ts'
import type { PlaybookSpec } from '#core/resources/playbook.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { addEntry, linksOfStory, openIncident, tellIncident } from '#control/incidents/acts.ts'
import { specOf, type Row } from '#control/records/from-rows.ts'
import { startTenantRounds, type TenantRounds } from '#control/tenant-rounds.ts'
import { doerOfRun, isOver, record, takeStep } from './step.ts'
import { beginRun, type Run } from './store.ts'

const STEPS_A_LOOK = 10

export async function playbooksOf(
  tenantId: string,
  context: ControlContext,
): Promise<readonly { readonly name: string; readonly spec: PlaybookSpec }[]> {
  const rows = await context.store
    .forTenant(tenantId)
    .selectFrom('resources')
    .selectAll()
    .where('resources.kind', '=', 'Playbook')
    .orderBy('resources.name')
    .limit(caps.playbooks.default)
    .execute()
  return rows.map((row) => ({ name: row.name, spec: specOf('Playbook', row) }))
}

/** A story that was kept: every playbook that it calls for begins, in one incident. Told again, nothing begins twice. */
export async function onStory(story: Row<'stories'>, context: ControlContext): Promise<void> {
  const levels = storyLevel.options
  const wanted = (await playbooksOf(story.tenantId, context)).filter(
    ({ spec }) =>
      spec.enabled !== false &&
      (spec.on ?? []).some(
        ({ kinds, levelAtLeast }) =>
          levels.indexOf(story.level) >= levels.indexOf(levelAtLeast) &&
          (kinds === undefined || kinds.includes(story.kind)),
      ),
  )
  if (wanted.length === 0) return
  const handle = context.store.forTenant(story.tenantId)
  const known = await handle
    .selectFrom('incidentLinks')
    .select('incidentLinks.incidentId')
    .where('incidentLinks.kind', '=', 'story')
    .where('incidentLinks.refId', '=', story.id)
    .executeTakeFirst()
  if (known) return
  const by = { id: 'playbook', name: 'playbook' }
  const nowMs = context.nowMs()
  const userId = linksOfStory(story).find(({ kind }) => kind === 'user')?.refId ?? null
  const { incident, runs } = await handle.transaction(async (tx) => {
    // The story stays open: no person has taken it yet.
    const opened = await openIncident(tx, { story, links: [], leavesStory: true }, by, nowMs)
    const begun: Run[] = []
    for (const playbook of wanted) {
      const run = await beginRun(tx, playbook, opened.id, userId, nowMs)
      if (run) begun.push(run)
      else await addEntry(tx, opened.id, 'playbook', `${playbook.name} has run as often as it may`, by, nowMs)
    }
    return { incident: opened, runs: begun }
  })
  await tellIncident('create', incident, by, context)
  for (const run of runs) await record(run, 'startPlaybook', run.incidentId, 'incident', { story: story.id }, context)
}

export async function lookAfterRuns(tenantId: string, context: ControlContext): Promise<void> {
  const handle = context.store.forTenant(tenantId)
  const due = await handle
    .selectFrom('playbookRuns')
    .selectAll()
    .where('playbookRuns.endedAtMs', 'is', null)
    .where('playbookRuns.dueAtMs', '<=', context.nowMs())
    .orderBy('playbookRuns.dueAtMs')
    .limit(caps.playbookRuns.default)
    .execute()
  for (const run of due) await proceed(run, context)
}

async function proceed(begun: Run, context: ControlContext): Promise<void> {
  let run = begun
  const handle = context.store.forTenant(run.tenantId)
  for (let count = 0; count < STEPS_A_LOOK && !isOver(run.state) && run.dueAtMs <= context.nowMs(); count++) {
    const next = await takeStep(run, context).catch((error: unknown) => ({
      state: 'failed' as const,
      step: run.step,
      dueAtMs: 0,
      question: null,
      why: asFault(error).message.slice(0, 300),
    }))
    const endedAtMs = isOver(next.state) ? context.nowMs() : null
    const set = { ...next, stepsDone: run.stepsDone + 1, endedAtMs }
    // Somebody may have answered or stopped it meanwhile: what they said counts.
    const changed = await handle
      .updateTable('playbookRuns')
      .set(set)
      .where('playbookRuns.id', '=', run.id)
      .where('playbookRuns.stepsDone', '=', run.stepsDone)
      .where('playbookRuns.endedAtMs', 'is', null)
      .returning('playbookRuns.id')
      .executeTakeFirst()
    if (!changed) return
    run = { ...run, ...set }
    if (next.state === 'failed')
      await handle
        .transaction((tx) =>
          addEntry(
            tx,
            run.incidentId,
            'playbook',
            `failed at ${run.step}: ${next.why ?? ''}`,
            doerOfRun(run),
            context.nowMs(),
          ),
        )
        .catch((error: unknown) => context.log('a failed playbook could not be noted', { error: String(error) }))
  }
}

export function startPlaybooks(context: ControlContext, everyMs: number = caps.playbookLookMs.default): TenantRounds {
  return startTenantRounds('the look after playbooks', everyMs, context, (tenantId) => lookAfterRuns(tenantId, context))
}
