// Routes for oneself: who I am, my apps, sessions and requests; and the settings of the tenant.
import * as z from 'zod'
import { labelName } from '#core/names.ts'
import { tenantSettings } from '#core/resources/kinds.ts'
import { defineRoutes } from './route.ts'
import { accessRequest, decisionView, effect, roleName, seconds, session, time } from './views.ts'

const T = '/v1/tenants/:tenant'

export const personRoutes = defineRoutes({
  me: {
    method: 'GET',
    path: '/v1/me',
    access: 'user',
    summary: 'Who is asking',
    reply: z.object({
      tenant: z.string(),
      tenantDisplayName: z.string(),
      user: z.string(),
      displayName: z.string(),
      roles: z.array(roleName),
      door: z.string(),
      expiresAt: time.nullable(),
      domain: z.string(),
      appsDomain: z.string(),
      publicPort: z.number().int(),
    }),
  },
  myApps: {
    method: 'GET',
    path: `${T}/my/apps`,
    access: 'user',
    summary: 'Apps, and whether policy lets me reach each now',
    reply: z.object({
      items: z.array(
        z.object({
          name: z.string(),
          displayName: z.string(),
          kind: z.enum(['http', 'tcp']),
          url: z.string().nullable(),
          names: z.array(z.object({ host: z.string(), ports: z.array(z.string()) })),
          decision: decisionView,
        }),
      ),
    }),
  },
  mySessions: {
    method: 'GET',
    path: `${T}/my/sessions`,
    access: 'user',
    summary: 'My own sessions',
    reply: z.object({ items: z.array(session) }),
  },
  endMySession: {
    method: 'DELETE',
    path: `${T}/my/sessions/:id`,
    access: 'user',
    summary: 'End one of my own sessions',
    reply: effect,
  },
  requestAccess: {
    method: 'POST',
    path: `${T}/my/access-requests`,
    access: 'user',
    summary: 'Ask for access to an app',
    status: 201,
    body: z.strictObject({ app: labelName, reason: z.string().min(1).max(1000) }),
    reply: accessRequest,
  },
  myAccessRequests: {
    method: 'GET',
    path: `${T}/my/access-requests`,
    access: 'user',
    summary: 'My requests, and those that I may decide',
    reply: z.object({ mine: z.array(accessRequest), toDecide: z.array(accessRequest) }),
  },
  decideAccessRequest: {
    method: 'POST',
    path: `${T}/my/access-requests/:id/decision`,
    access: 'user',
    summary: "Approve or refuse a request (the app's owner, the sponsor or an administrator)",
    body: z.discriminatedUnion('decision', [
      z.strictObject({ decision: z.literal('approve'), accessSeconds: seconds.max(366 * 86_400) }),
      z.strictObject({ decision: z.literal('refuse') }),
    ]),
    reply: accessRequest,
  },
  getSettings: {
    method: 'GET',
    path: `${T}/settings`,
    access: 'auditor',
    summary: 'Settings of the tenant',
    reply: tenantSettings,
  },
  changeSettings: {
    method: 'PATCH',
    path: `${T}/settings`,
    access: 'tenant-admin',
    summary: 'Change settings of the tenant',
    body: tenantSettings.partial(),
    reply: tenantSettings,
  },
})
