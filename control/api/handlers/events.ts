// Events as they happen, as server-sent events. Ends when the right to see them does. Must never queue for a client
// that does not read: what is not yet read waits in the journal.
import { Fault } from '#core/fault.ts'
import type { Some } from '#control/api/call.ts'
import { caps } from '#control/caps.ts'
import { countEvents } from '#control/live/count-events.ts'
import { followNow } from '#control/live/live.ts'

const streams = new Map<string, number>()

export const eventHandlers: Some<'followEvents' | 'followNow' | 'countEvents'> = {
  countEvents: async ({ context, tenantId, query }) => {
    const { search, from, until, class: eventClass, user, app, outcome } = query
    const range = {
      fromMs: from === undefined ? undefined : Date.parse(from),
      untilMs: until === undefined ? undefined : Date.parse(until),
    }
    const page = await context.journal.list(tenantId, {
      limit: caps.eventsCounted.default,
      text: search,
      ...range,
      fields: {
        ...(eventClass !== undefined && { class_uid: eventClass }),
        ...(user !== undefined && { 'actor.user.name': user }),
        ...(app !== undefined && { app_name: app }),
        ...(outcome !== undefined && { status_id: outcome === 'success' ? 1 : 2 }),
      },
    })
    return countEvents(
      page.items.map(({ event }) => event),
      page.next !== null,
      range,
    )
  },

  followNow: ({ context, tenantId, signal }) => Promise.resolve(followNow(tenantId, context, signal)),

  followEvents: async ({ context, tenantId, query, signal }) => {
    const open = streams.get(tenantId) ?? 0
    if (open >= caps.eventStreams.default) throw new Fault('at-capacity')
    const following = context.journal.follow(tenantId, query.after, signal)
    return (async function* () {
      streams.set(tenantId, (streams.get(tenantId) ?? 0) + 1)
      try {
        for await (const { cursor, writer, event } of following) yield { cursor, writer, event: { ...event } }
      } finally {
        const left = (streams.get(tenantId) ?? 1) - 1
        if (left > 0) streams.set(tenantId, left)
        else streams.delete(tenantId)
      }
    })()
  },
}
