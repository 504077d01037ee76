// How the event streams of a tenant are doing.
import type { StreamStatus } from '#core/api/stream-routes.ts'
import type { Some } from '#control/api/call.ts'
import { pageOf } from '#control/api/page.ts'
import { specOf } from '#control/records/from-rows.ts'

export const streamHandlers: Some<'listStreamStatus'> = {
  listStreamStatus: async ({ tenant, query }) => {
    const rows = await tenant.selectFrom('resources').selectAll().where('resources.kind', '=', 'EventStream').execute()
    const cursors = new Map(
      (await tenant.selectFrom('streamCursors').selectAll().execute()).map((row) => [row.streamId, row]),
    )
    const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
    const all = rows.map((row): StreamStatus => {
      const spec = specOf('EventStream', row)
      const at = cursors.get(row.id)
      const isFailing = (at?.failure ?? null) !== null
      return {
        id: row.id,
        name: row.name,
        kind: spec.target.kind,
        state:
          spec.enabled === false
            ? 'off'
            : isFailing
              ? 'failing'
              : (at?.sentAtMs ?? null) === null
                ? 'waiting'
                : 'sending',
        sent: at?.sent ?? 0,
        lost: at?.lost ?? 0,
        sentAt: iso(at?.sentAtMs ?? null),
        failure: at?.failure ?? null,
        failingSince: iso(at?.failingSinceMs ?? null),
      }
    })
    return pageOf(all, query, ({ name }) => name)
  },
}
