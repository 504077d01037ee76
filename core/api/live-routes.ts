// The one live stream of a tenant: what flows, how everything is, and events in batches; what the console draws *Now* from.
import * as z from 'zod'
import { defineRoutes } from './route.ts'
import { id, storedEvent } from './views.ts'

const T = '/v1/tenants/:tenant'

const liveNode = z.object({
  key: z.string(),
  kind: z.enum(['person', 'group', 'organisation', 'app', 'internet', 'rest']),
  name: z.string().describe('of the person, group or app; empty for the internet and for the rest'),
  flows: z.number().int(),
  bytesPerSecond: z.number(),
  members: z.number().int().describe('people of a group, or how many the rest stands for'),
})
const liveLink = z.object({ from: z.string(), to: z.string(), flows: z.number().int(), bytesPerSecond: z.number() })

/** The busiest on each side by name and the rest as one: never more, however many flows there are. */
const livePicture = z.object({
  people: z.array(liveNode).max(16),
  groups: z.array(liveNode).max(16),
  apps: z.array(liveNode).max(16),
  links: z.array(liveLink).max(300).describe('people → apps'),
  groupLinks: z.array(liveLink).max(300).describe('groups → apps'),
})
export type LivePicture = z.infer<typeof livePicture>
export type LiveNode = z.infer<typeof liveNode>
export type LiveLink = z.infer<typeof liveLink>

export const liveLook = z.object({
  kind: z.literal('look'),
  atMs: z.number().int(),
  flows: z.number().int(),
  people: z.number().int(),
  apps: z.number().int(),
  toAppsPerSecond: z.number(),
  fromAppsPerSecond: z.number(),
  picture: livePicture,
  health: z.object({
    exchanges: z.number().int().describe('that answered'),
    missing: z.array(id).max(1000).describe('exchanges that did not answer'),
    connectors: z.number().int(),
    connectorsUp: z.number().int(),
    groupsAway: z.array(z.string()).max(50).describe('connector groups of which no connector is connected'),
    appsUnhealthy: z.array(z.string()).max(50),
  }),
})
export type LiveLook = z.infer<typeof liveLook>

export const liveRoutes = defineRoutes({
  followNow: {
    method: 'GET',
    path: `${T}/now/stream`,
    access: 'auditor',
    summary: 'What flows now and how everything is, once a second, and events in batches as they happen',
    reply: z.discriminatedUnion('kind', [
      liveLook,
      z.object({
        kind: z.literal('events'),
        items: z.array(storedEvent).max(100),
        skipped: z.number().int().describe('more happened in that moment than one batch holds'),
      }),
    ]),
    stream: true,
  },
})
