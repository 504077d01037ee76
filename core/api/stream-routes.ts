// Routes of event streams: they are declared as resources; here is how each is doing.
import * as z from 'zod'
import { defineRoutes } from './route.ts'
import { id, page, pageOf, time } from './views.ts'

export const streamStatus = z.object({
  id,
  name: z.string(),
  kind: z.enum(['syslog', 'http', 'file']),
  state: z.enum(['waiting', 'sending', 'failing', 'off']).describe('waiting: nothing was sent yet'),
  sent: z.number().int().describe('events that the receiver has'),
  lost: z.number().int().describe('events that the journal let go of before they were sent'),
  sentAt: time.nullable(),
  failure: z.string().nullable(),
  failingSince: time.nullable(),
})
export type StreamStatus = z.infer<typeof streamStatus>

export const streamRoutes = defineRoutes({
  listStreamStatus: {
    method: 'GET',
    path: '/v1/tenants/:tenant/stream-status',
    access: 'auditor',
    summary: 'How each event stream is doing',
    query: page,
    reply: pageOf(streamStatus),
  },
})
