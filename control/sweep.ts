// Tidies what has expired. Nothing rests on it: whoever reads a row compares its end with the clock.
import type { Change } from '#core/records/records.ts'
import type { ControlContext } from './context.ts'
import { sweepRisks } from './directory/risk.ts'
import { forgetOldChanges } from './store/changes.ts'
import { startTenantRounds, type TenantRounds } from './tenant-rounds.ts'

const DAY_MS = 86_400_000
/** Longer than a statement may live: connectors must hear of ended sessions until then. */
const ENDED_SESSION_MS = 8 * DAY_MS
const SPENT_TOKEN_MS = 30 * DAY_MS

export async function sweepTenant(tenantId: string, context: ControlContext): Promise<void> {
  const nowMs = context.nowMs()
  await context.store.forTenant(tenantId).transaction(async (tx) => {
    const changes: Change[] = []
    const sessions = await tx
      .selectFrom('sessions')
      .select(['sessions.id', 'sessions.door'])
      .where('sessions.endedAtMs', 'is', null)
      .where('sessions.expiresAtMs', '<=', nowMs)
      .execute()
    for (const { id, door } of sessions) {
      await tx
        .updateTable('sessions')
        .set({ endedAtMs: nowMs, endReason: 'expired' })
        .where('sessions.id', '=', id)
        .execute()
      if (door !== 'console') changes.push({ op: 'remove', kind: 'session', id })
    }
    for (const { id } of await tx
      .deleteFrom('approvals')
      .where('approvals.expiresAtMs', '<=', nowMs)
      .returning('approvals.id')
      .execute())
      changes.push({ op: 'remove', kind: 'approval', id })
    for (const { id } of await tx
      .deleteFrom('containments')
      .where('containments.expiresAtMs', '<=', nowMs)
      .returning('containments.id')
      .execute())
      changes.push({ op: 'remove', kind: 'containment', id })
    changes.push(...(await sweepRisks(tx, nowMs)))
    await tx.deleteFrom('storyExceptions').where('storyExceptions.expiresAtMs', '<=', nowMs).execute()
    await tx
      .deleteFrom('sessions')
      .where('sessions.endedAtMs', '<', nowMs - ENDED_SESSION_MS)
      .execute()
    for (const table of ['enrolmentTokens', 'apiTokens'] as const) {
      const spent = await tx
        .selectFrom(table)
        .select(['id', 'hash'])
        .where('expiresAtMs', '<', nowMs - SPENT_TOKEN_MS)
        .execute()
      for (const { id, hash } of spent) {
        await tx.deleteFrom(table).where('id', '=', id).execute()
        await tx.provider.deleteFrom('secretIndex').where('secretIndex.hash', '=', hash).execute()
      }
    }
    if (changes.length > 0) await tx.appendChanges(changes)
    await forgetOldChanges(tx)
  })
}

export function startSweep(context: ControlContext, everyMs: number): TenantRounds {
  return startTenantRounds('the sweep', everyMs, context, (tenantId) => sweepTenant(tenantId, context))
}
