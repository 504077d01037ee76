// What people made of stories, in the form that detection learns from: verdicts counted by kind, exceptions in force, the
// tenant's budget of false stories. Must never give out an exception that has ended.
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { caps } from '#control/caps.ts'
import type { Row } from '#control/records/from-rows.ts'
import { readTenantSettings } from '#control/records/tenant-settings.ts'
import type { Taught } from '#control/stories/detection-port.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

const DAY_MS = 86_400_000
const USUAL_DAYS = 30
/** Older verdicts are about people and apps of another time. */
const VERDICTS_FOR_MS = 180 * DAY_MS

export async function taughtOf(handle: TenantHandle, nowMs: number): Promise<Taught> {
  const said = await handle
    .selectFrom('stories')
    .select((eb) => ['stories.kind', 'stories.verdict', eb.fn.countAll<number>().as('count')])
    .where('stories.verdict', 'is not', null)
    .where('stories.noticedMs', '>', nowMs - VERDICTS_FOR_MS)
    .groupBy(['stories.kind', 'stories.verdict'])
    .execute()
  const verdicts = new Map<string, { kind: string; wasTrue: number; wasOdd: number }>()
  for (const { kind, verdict, count } of said) {
    const tally = verdicts.getOrInsertComputed(kind, () => ({ kind, wasTrue: 0, wasOdd: 0 }))
    if (verdict === 'true') tally.wasTrue += Number(count)
    if (verdict === 'odd') tally.wasOdd += Number(count)
  }
  const exceptions = await handle
    .selectFrom('storyExceptions')
    .selectAll()
    .where('storyExceptions.expiresAtMs', '>', nowMs)
    .execute()
  const { storyBudget } = await readTenantSettings(handle)
  return {
    verdicts: [...verdicts.values()],
    exceptions: exceptions.map(({ id, subjectId: subject, kind, reason, expiresAtMs: untilMs }) => ({
      id,
      subject,
      kind,
      reason,
      untilMs,
    })),
    budgets: storyBudget,
  }
}

/** A story that was expected: no such story of this subject until the exception ends. Throws Fault `at-capacity`. */
export async function expect(
  tx: TenantHandle,
  story: Row<'stories'>,
  said: { readonly note?: string | undefined; readonly expectedDays?: number | undefined; readonly by: string },
  nowMs: number,
): Promise<void> {
  const { total } = await tx
    .selectFrom('storyExceptions')
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .where('storyExceptions.expiresAtMs', '>', nowMs)
    .executeTakeFirstOrThrow()
  if (Number(total) >= caps.storyExceptions.default)
    throw new Fault('at-capacity', { hint: 'There are too many exceptions; end some first.' })
  await tx
    .insertInto('storyExceptions', {
      id: newId('storyException'),
      subjectId: story.subjectId,
      subjectName: story.subjectName,
      kind: story.kind,
      reason: (said.note ?? story.sentence).slice(0, 500),
      createdBy: said.by,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + (said.expectedDays ?? USUAL_DAYS) * DAY_MS,
    })
    .execute()
}
