// A story that detection tells is kept, written into the journal as a finding, and answered where the tenant wants it
// so. Must never contain anybody unless the tenant's setting says that this level may, nor the last administrator.
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import { storyLevel } from '#core/api/story-routes.ts'
import type { ControlContext } from '#control/context.ts'
import { caps } from '#control/caps.ts'
import { containSubject } from '#control/directory/contain.ts'
import type { Row } from '#control/records/from-rows.ts'
import { readTenantSettings } from '#control/records/tenant-settings.ts'
import { onStory } from '#control/playbooks/runs.ts'
import type { ToldStory } from './detection-port.ts'

const severities = { note: 1, ask: 2, 'step-up': 3, restrict: 3, cut: 4, contain: 5 } as const

/**
 * The same story told again (after a crash) is the same row; what the first telling did not come to is done then, so that a
 * crash lets nobody off. Throws Fault `not-found` for a tenant that is gone. */
export async function takeStory(tenantId: string, told: ToldStory, context: ControlContext): Promise<void> {
  const mirror = await context.mirrors.current(tenantId)
  const user = mirror.get('user', told.subject)
  const handle = context.store.forTenant(tenantId)
  const row: Row<'stories'> = {
    tenantId,
    id: newId('story'),
    subjectKind: user ? 'user' : 'other',
    subjectId: told.subject.slice(0, 127),
    subjectName: (user?.name ?? told.subject).slice(0, 127),
    kind: told.kind.slice(0, 64),
    level: storyLevel.parse(told.level),
    score: Math.round(told.score),
    firstMs: told.firstMs,
    noticedMs: told.noticedMs,
    sentence: named(told.sentence, told.subject, user?.name).slice(0, 2000),
    events: JSON.stringify(told.events.slice(0, caps.storyEvents.default)),
    state: 'open',
    notes: '[]',
    takenBy: null,
    verdict: null,
    containmentId: null,
  }
  const known = await handle.transaction(async (tx) => {
    const found = await tx
      .selectFrom('stories')
      .selectAll()
      .where('stories.subjectId', '=', row.subjectId)
      .where('stories.noticedMs', '=', row.noticedMs)
      .where('stories.kind', '=', row.kind)
      .executeTakeFirst()
    if (!found) await tx.insertInto('stories', row).execute()
    return found
  })
  const kept = known ?? row
  if (known === undefined || !(await isInJournal(known, context))) await writeFinding(kept, user, context)
  if (user && kept.state === 'open' && kept.containmentId === null) await answer(kept, user.id, context)
  if (kept.state === 'open') await onStory(kept, context)
}

async function isInJournal({ tenantId, id }: Row<'stories'>, { journal }: ControlContext): Promise<boolean> {
  return (await journal.list(tenantId, { limit: 1, fields: { 'finding_info.uid': id } })).items.length > 0
}

async function writeFinding(
  row: Row<'stories'>,
  user: { readonly id: string; readonly name: string } | undefined,
  context: ControlContext,
): Promise<void> {
  await context.journal.record(
    row.tenantId,
    journalEvent('finding', 'create', {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId: row.tenantId,
      outcome: 'success',
      severity: severities[row.level],
      ...(user && { user: { uid: user.id, name: user.name } }),
      message: row.sentence,
      finding: { uid: row.id, title: row.kind, types: [row.kind], firstMs: row.firstMs, lastMs: row.noticedMs },
      extra: { level: row.level, score: row.score },
    }),
  )
}

/** People are told names, not ids. */
function named(sentence: string, subject: string, name: string | undefined): string {
  return name === undefined ? sentence : sentence.replaceAll(subject, name)
}

async function answer(row: Row<'stories'>, userId: string, context: ControlContext): Promise<void> {
  const handle = context.store.forTenant(row.tenantId)
  const { answerFrom } = await readTenantSettings(handle)
  const levels = storyLevel.options
  if (answerFrom === 'never' || levels.indexOf(row.level) < levels.indexOf(answerFrom)) return
  const isAdministrator = await handle
    .selectFrom('roles')
    .select('roles.userId')
    .where('roles.userId', '=', userId)
    .where('roles.role', '=', 'tenant-admin')
    .executeTakeFirst()
  // Whoever can make detection suspect an administrator must not be able to shut the administrators out.
  if (isAdministrator) return
  const { row: containment } = await containSubject(
    row.tenantId,
    {
      subject: { kind: 'user', id: userId, name: row.subjectName },
      reason: row.sentence.slice(0, 500),
      ownerId: row.id,
      expiresAtMs: context.nowMs() + caps.storyAnswerMs.default,
      askedFrom: null,
      acknowledgesLockout: false,
      answer: row.level === 'note' ? 'ask' : row.level,
    },
    context,
  )
  await handle.updateTable('stories').set({ containmentId: containment.id }).where('stories.id', '=', row.id).execute()
  await context.journal.record(
    row.tenantId,
    journalEvent('apiActivity', 'create', {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId: row.tenantId,
      outcome: 'success',
      api: { operation: 'contain', target: row.subjectName, resourceKind: 'user' },
      message: `Detection contained ${row.subjectName}: ${row.sentence}`.slice(0, 500),
      extra: { id: containment.id, story: row.id },
    }),
  )
}
