// Stories: listed, read with their events, taken, judged and annotated by people.
import type { StoryView } from '#core/api/story-routes.ts'
import { Fault } from '#core/fault.ts'
import type { Some } from '#control/api/call.ts'
import { afterTime, containing, pageOfRows, rowsOfPage } from '#control/api/keyset.ts'
import { caps } from '#control/caps.ts'
import { expect } from '#control/directory/taught.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

type Note = { readonly by: string; readonly at: string; readonly text: string }

const HOUR_MS = 3_600_000

export const storyHandlers: Some<'listStories' | 'getStory' | 'changeStory'> = {
  listStories: async ({ context, tenant, tenantId, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    let found = tenant.selectFrom('stories')
    if (query.state !== undefined) found = found.where('stories.state', '=', query.state)
    if (query.user !== undefined) found = found.where('stories.subjectId', '=', query.user)
    if (query.search !== undefined) found = found.where('stories.sentence', 'like', containing(query.search))
    const { total } = await found.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
    const after = afterTime(query)
    const shown =
      after === undefined
        ? found
        : found.where((eb) =>
            eb.or([
              eb('stories.noticedMs', '<', after[0]),
              eb.and([eb('stories.noticedMs', '=', after[0]), eb('stories.id', '<', after[1])]),
            ]),
          )
    const rows = await shown
      .selectAll()
      .orderBy('stories.noticedMs', 'desc')
      .orderBy('stories.id', 'desc')
      .limit(rowsOfPage(query))
      .execute()
    const page = pageOfRows(rows, Number(total), query, ({ noticedMs, id }) => [noticedMs, id] as const)
    return { ...page, items: page.items.map((row) => view(row, mirror)) }
  },

  getStory: async ({ context, tenant, tenantId, params }) => {
    const row = await storyRow(tenant, params['id'] ?? '')
    const uids = new Set(JSON.parse(row.events) as string[])
    const events: Record<string, unknown>[] = []
    const page = await context.journal.list(tenantId, {
      limit: caps.storyLook.default,
      fields: {},
      fromMs: row.firstMs - HOUR_MS,
      untilMs: row.noticedMs + HOUR_MS,
      ...(row.subjectKind === 'user' && { text: row.subjectId }),
    })
    for (const { event } of page.items) {
      const { uid } = (event['metadata'] ?? {}) as { uid?: unknown }
      if (typeof uid === 'string' && uids.has(uid)) events.push({ ...event })
    }
    return { story: view(row, await context.mirrors.current(tenantId)), events: events.toReversed() }
  },

  changeStory: async ({ context, tenant, tenantId, params, principal, body, record }) => {
    const mirror = await context.mirrors.current(tenantId)
    const who = mirror.get('user', principal.userId)?.name ?? principal.userName
    const changed = await tenant.transaction(async (tx) => {
      const row = await storyRow(tx, params['id'] ?? '')
      const notes = JSON.parse(row.notes) as Note[]
      if (body.note !== undefined && notes.length >= caps.storyNotes.default) throw new Fault('at-capacity')
      const next = {
        state: body.verdict !== undefined ? ('closed' as const) : body.take ? ('taken' as const) : row.state,
        takenBy: body.take ? principal.userId : row.takenBy,
        verdict: body.verdict ?? row.verdict,
        notes: JSON.stringify(
          body.note === undefined ? notes : [...notes, { by: who, at: isoTime(context.nowMs()), text: body.note }],
        ),
      }
      await tx.updateTable('stories').set(next).where('stories.id', '=', row.id).execute()
      if (body.verdict === 'expected') await expect(tx, row, { ...body, by: who }, context.nowMs())
      return { ...row, ...next }
    })
    if (body.verdict !== undefined) await context.links.detection?.relearn(tenantId)
    const { id, subjectName } = changed
    await record({ target: id, resourceKind: 'story', details: { subject: subjectName, did: Object.keys(body) } })
    return view(changed, mirror)
  },
}

async function storyRow(tenant: TenantHandle, id: string): Promise<Row<'stories'>> {
  const row = await tenant.selectFrom('stories').selectAll().where('stories.id', '=', id).executeTakeFirst()
  if (!row) throw new Fault('not-found')
  return row
}

function view(row: Row<'stories'>, mirror: TenantMirror): StoryView {
  const nameOf = (id: string | null) => (id === null ? null : (mirror.get('user', id)?.name ?? id))
  return {
    id: row.id,
    subject: { kind: row.subjectKind, id: row.subjectId, name: row.subjectName },
    kind: row.kind,
    level: row.level,
    score: row.score,
    sentence: row.sentence,
    firstAt: isoTime(row.firstMs),
    noticedAt: isoTime(row.noticedMs),
    events: JSON.parse(row.events) as string[],
    state: row.state,
    takenBy: nameOf(row.takenBy),
    verdict: row.verdict,
    containment: row.containmentId,
    notes: JSON.parse(row.notes) as Note[],
  }
}
