// Routes for the way to the internet: credentials of the explicit proxy, each made by the person whose it is.
import * as z from 'zod'
import { defineRoutes } from './route.ts'
import { effect, time } from './views.ts'

const T = '/v1/tenants/:tenant'

const webCredential = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: time,
  expiresAt: time,
})

const counted = (what: string) => z.array(z.object({ name: z.string(), count: z.number().int() })).describe(what)
const weighed = (what: string) =>
  z.array(z.object({ name: z.string(), bytes: z.number().int(), flows: z.number().int() })).describe(what)

/** Something that did not get through, or was found in what did. */
const stop = z.object({
  event: z.string(),
  at: time,
  kind: z.enum(['site', 'name', 'content', 'page', 'dns']).describe('what was stopped or found'),
  user: z.string().nullable(),
  host: z.string().nullable(),
  words: z.string().describe('one sentence, or the code of a reason'),
  severity: z.number().int().min(1).max(5),
})

const webOverview = z.object({
  from: time,
  until: time,
  isWhole: z.boolean().describe('false: there were more events than were counted; the newest were'),
  events: z.number().int(),
  bytes: z.object({ inspected: z.number().int(), passed: z.number().int() }),
  uninspected: weighed('what was passed without being looked into, by reason'),
  people: weighed('by person'),
  destinations: weighed('by host'),
  categories: weighed('by category; a host in two counts in both'),
  denied: counted('refused requests and names by reason'),
  risks: counted('findings by what they say'),
  stops: z.array(stop).describe('newest first'),
})

export const webRoutes = defineRoutes({
  webOverview: {
    method: 'GET',
    path: `${T}/web/overview`,
    access: 'auditor',
    summary: 'The way to the internet: how much was looked into and why not the rest, what was stopped, who and where',
    query: z.object({ hours: z.coerce.number().int().min(1).max(168).optional().describe('default 24') }),
    reply: webOverview,
  },
  webStop: {
    method: 'GET',
    path: `${T}/web/stops/:id`,
    access: 'auditor',
    summary: 'One event of the way to the internet and those that belong to the same request',
    reply: z.object({ event: z.record(z.string(), z.unknown()), related: z.array(z.record(z.string(), z.unknown())) }),
  },
  myWebCredentials: {
    method: 'GET',
    path: `${T}/my/web-credentials`,
    access: 'user',
    summary: 'My credentials for the explicit proxy',
    reply: z.object({ items: z.array(webCredential) }),
  },
  createMyWebCredential: {
    method: 'POST',
    path: `${T}/my/web-credentials`,
    access: 'user',
    summary: 'Make a credential for a machine without the agent; it opens the way to the internet and nothing else',
    status: 201,
    body: z.strictObject({
      name: z.string().min(1).max(100).describe('which machine it is for'),
      expiresInSeconds: z
        .number()
        .int()
        .min(60)
        .max(90 * 86_400),
    }),
    reply: webCredential.extend({
      secret: z.string().describe('shown once'),
      user: z.string(),
      proxy: z.string().describe('https://host:port of the explicit proxy'),
    }),
  },
  deleteMyWebCredential: {
    method: 'DELETE',
    path: `${T}/my/web-credentials/:id`,
    access: 'user',
    summary: 'End one of my credentials for the explicit proxy',
    reply: effect,
  },
})
