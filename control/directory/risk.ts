// The risk of people, devices and third parties as detection tells it: kept with its sentences, and told to exchanges
// when it has moved enough to matter. Must never keep a number that its sentences do not add up to.
import { RISK_HALF_LIFE_MS, riskPointsAt, riskRecordId, type RiskSubjectKind } from '#core/records/risk.ts'
import type { Change } from '#core/records/records.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { riskRecord, type Row } from '#control/records/from-rows.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { ToldRisk } from '#control/stories/detection-port.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

const MAX_PARTS = 16
const MAX_SENTENCE = 1000

export type RiskPart = ToldRisk['parts'][number]

/** Keeps what is told; sends exchanges only what differs from what they know by a step. Unknown subjects are left out. */
export async function takeRisks(tenantId: string, told: readonly ToldRisk[], context: ControlContext): Promise<void> {
  const mirror = await context.mirrors.current(tenantId)
  const atMs = context.nowMs()
  const rows = told.flatMap((each) => rowOf(tenantId, each, mirror, atMs) ?? [])
  if (rows.length === 0) return
  await context.store.forTenant(tenantId).transaction(async (tx) => {
    const changes: Change[] = []
    for (const row of rows) {
      const { points, parts } = row
      await tx
        .insertInto('risks', row)
        .onConflict((conflict) =>
          conflict.columns(['tenantId', 'subjectKind', 'subjectId']).doUpdateSet({ points, parts, atMs }),
        )
        .execute()
      const record = riskRecord(row)
      const known = mirror.get('risk', record.id)
      const difference = riskPointsAt(record, atMs) - (known === undefined ? 0 : riskPointsAt(known, atMs))
      if (Math.abs(difference) >= caps.riskStep.default) changes.push({ op: 'put', record })
    }
    if (changes.length > 0) await tx.appendChanges(changes)
  })
}

function rowOf(
  tenantId: string,
  { subject, parts }: ToldRisk,
  mirror: TenantMirror,
  atMs: number,
): Row<'risks'> | undefined {
  const { kind } = subject
  const record = kind === 'organisation' ? mirror.byName(kind, subject.id) : mirror.get(kind, subject.id)
  if (record === undefined) return undefined
  const kept = parts.slice(0, MAX_PARTS).map((part) => ({ ...part, sentence: part.sentence.slice(0, MAX_SENTENCE) }))
  const points = kept.reduce((sum, part) => sum + part.points, 0)
  return { tenantId, subjectKind: kind, subjectId: record.id, points, atMs, parts: JSON.stringify(kept) }
}

export type RiskNow = { readonly points: number; readonly parts: readonly RiskPart[] }

/** Faded to now; what has faded to nothing is not shown. */
export async function riskNow(
  handle: TenantHandle,
  kind: RiskSubjectKind,
  id: string,
  nowMs: number,
): Promise<RiskNow> {
  const row = await handle
    .selectFrom('risks')
    .selectAll()
    .where('risks.subjectKind', '=', kind)
    .where('risks.subjectId', '=', id)
    .executeTakeFirst()
  return row === undefined ? { points: 0, parts: [] } : faded(row, nowMs)
}

export function faded(row: Row<'risks'>, nowMs: number): RiskNow {
  const share = 2 ** (-Math.max(0, nowMs - row.atMs) / RISK_HALF_LIFE_MS)
  const parts = (JSON.parse(row.parts) as RiskPart[])
    .map((part) => ({ ...part, points: Math.round(part.points * share) }))
    .filter(({ points }) => points >= 1)
  // The sum of what is shown, capped: what no sentence explains does not count.
  return {
    points: Math.min(
      100,
      parts.reduce((sum, { points }) => sum + points, 0),
    ),
    parts,
  }
}

/** Rows that have faded to nothing, or whose subject is gone; the least risky beyond the cap. */
export async function sweepRisks(tx: TenantHandle, nowMs: number): Promise<Change[]> {
  const rows = await tx.selectFrom('risks').selectAll().execute()
  const live = rows
    .map((row) => ({ row, points: riskPointsAt(riskRecord(row), nowMs) }))
    .toSorted((left, right) => right.points - left.points)
  const spent = live.filter(({ points }, at) => points < 1 || at >= caps.risks.default)
  for (const { row } of spent)
    await tx
      .deleteFrom('risks')
      .where('risks.subjectKind', '=', row.subjectKind)
      .where('risks.subjectId', '=', row.subjectId)
      .execute()
  return spent.map(({ row }) => ({ op: 'remove', kind: 'risk', id: riskRecordId(row.subjectKind, row.subjectId) }))
}
