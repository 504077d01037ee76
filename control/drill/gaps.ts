// Gaps: expectations that a drill did not meet, each with an owner, closed by the first drill of that scenario that meets
// it. Must never be closed by hand: the drill is the re-test.
import type { DrillGap, DrillReport } from '#core/api/drill-routes.ts'
import { newId } from '#core/ids.ts'
import { caps } from '#control/caps.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

/** Call within the transaction that keeps the report. */
export async function keepGaps(
  tx: TenantHandle,
  drill: { readonly id: string; readonly startedBy: string; readonly scenario: string },
  { outcomes }: DrillReport,
  nowMs: number,
): Promise<void> {
  const known = await tx
    .selectFrom('drillGaps')
    .selectAll()
    .where('drillGaps.scenario', '=', drill.scenario)
    .where('drillGaps.closedAtMs', 'is', null)
    .execute()
  for (const { expectation, measured, met } of outcomes) {
    const open = known.find((gap) => gap.expectation === expectation)
    const tested = { drillId: drill.id, measured }
    if (open)
      await tx
        .updateTable('drillGaps')
        .set(met ? { ...tested, closedAtMs: nowMs } : { ...tested, failures: open.failures + 1 })
        .where('drillGaps.id', '=', open.id)
        .execute()
    else if (!met)
      await tx
        .insertInto('drillGaps', {
          id: newId('drillGap'),
          scenario: drill.scenario,
          expectation,
          ...tested,
          ownerId: drill.startedBy,
          failures: 1,
          openedAtMs: nowMs,
          closedAtMs: null,
        })
        .execute()
  }
  await forgetOldest(tx)
}

/** Closed ones first; what is open goes only when there is nothing else. */
async function forgetOldest(tx: TenantHandle): Promise<void> {
  const all = await tx.selectFrom('drillGaps').select(['drillGaps.id', 'drillGaps.closedAtMs']).execute()
  const spare = all.length - caps.drillGaps.default
  if (spare <= 0) return
  const oldest = all.toSorted((a, b) => (a.closedAtMs ?? Infinity) - (b.closedAtMs ?? Infinity)).slice(0, spare)
  for (const { id } of oldest) await tx.deleteFrom('drillGaps').where('drillGaps.id', '=', id).execute()
}

export function gapView(row: Row<'drillGaps'>, mirror: TenantMirror): DrillGap {
  const { id, scenario, expectation, measured, ownerId, drillId, failures, openedAtMs, closedAtMs } = row
  return {
    id,
    scenario,
    expectation,
    measured,
    owner: mirror.get('user', ownerId)?.name ?? ownerId,
    state: closedAtMs === null ? 'open' : 'closed',
    openedAt: isoTime(openedAtMs),
    closedAt: closedAtMs === null ? null : isoTime(closedAtMs),
    drill: drillId,
    failures,
  }
}
