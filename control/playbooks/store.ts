// Runs of playbooks as rows: what a run is at, and what it may still do. Must never run by another text than the one that it
// began with: a change of the playbook is for the next run.
import { newId } from '#core/ids.ts'
import { playbookSpec, type PlaybookSpec } from '#core/resources/playbook.ts'
import { caps } from '#control/caps.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

export type Run = Row<'playbookRuns'>

export function specOfRun(run: Run): PlaybookSpec {
  return playbookSpec.parse(JSON.parse(run.spec))
}

/** Undefined: this playbook has begun as often as it may within the hour, or runs in this incident already. */
export async function beginRun(
  tx: TenantHandle,
  playbook: { readonly name: string; readonly spec: PlaybookSpec },
  incidentId: string,
  userId: string | null,
  nowMs: number,
): Promise<Run | undefined> {
  const recent = await tx
    .selectFrom('playbookRuns')
    .select(['playbookRuns.incidentId', 'playbookRuns.state'])
    .where('playbookRuns.playbook', '=', playbook.name)
    .where('playbookRuns.startedAtMs', '>', nowMs - 3_600_000)
    .execute()
  if (recent.length >= (playbook.spec.runsPerHour ?? caps.playbookRunsPerHour.default)) return undefined
  const running = await tx
    .selectFrom('playbookRuns')
    .select(['playbookRuns.incidentId', 'playbookRuns.playbook'])
    .where('playbookRuns.endedAtMs', 'is', null)
    .execute()
  if (running.length >= caps.playbookRuns.default) return undefined
  if (running.some((run) => run.incidentId === incidentId && run.playbook === playbook.name)) return undefined
  const row: Run = {
    tenantId: tx.tenantId,
    id: newId('playbookRun'),
    playbook: playbook.name,
    spec: JSON.stringify(playbook.spec),
    incidentId,
    userId,
    state: 'running',
    step: playbook.spec.steps[0]?.id ?? 'end',
    stepsDone: 0,
    dueAtMs: nowMs,
    question: null,
    startedAtMs: nowMs,
    endedAtMs: null,
    why: null,
  }
  await tx.insertInto('playbookRuns', row).execute()
  return row
}
