// For tests only: a story as detection would tell it.
import type { ControlContext } from '#control/context.ts'
import type { ToldStory } from './detection-port.ts'
import { takeStory } from './take-story.ts'

export function toldStory(subject: string, changes: Partial<ToldStory> = {}): ToldStory {
  return {
    subject,
    kind: 'car-park',
    level: 'restrict',
    score: 60,
    firstMs: 1_700_000_000_000,
    noticedMs: 1_700_000_060_000,
    sentence: `In 1 min ${subject} opened 5 apps never used before.`,
    events: ['evt_1'],
    ...changes,
  }
}

export async function insertStory(
  tenantId: string,
  subject: string,
  sentence: string,
  context: ControlContext,
): Promise<string> {
  await takeStory(tenantId, toldStory(subject, { sentence }), context)
  const row = await context.store
    .forTenant(tenantId)
    .selectFrom('stories')
    .select('stories.id')
    .executeTakeFirstOrThrow()
  return row.id
}
