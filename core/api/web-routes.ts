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

export const webRoutes = defineRoutes({
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
