// Who may reach what, and why: the apps of one person, the people of one app, decided as an exchange would for a plain
// sign-in. None of them changes anything.
import * as z from 'zod'
import { defineRoutes } from './route.ts'
import { decisionView } from './views.ts'

const T = '/v1/tenants/:tenant'

const question = z.object({
  limit: z.coerce.number().int().min(1).max(200).optional().describe('default 50'),
  after: z.string().max(300).optional().describe('name that the page begins after'),
  search: z.string().max(200).optional(),
  posture: z.coerce.number().int().min(0).max(2).optional().describe('of a device; left out: none'),
  decision: z.enum(['allow', 'deny']).optional(),
})
const answers = <T extends z.ZodRawShape>(subject: T) =>
  z.object({
    items: z.array(z.object({ ...subject, decision: decisionView })),
    next: z.string().nullable().describe('there may be more after this name'),
  })

export const accessRoutes = defineRoutes({
  listAppsOfPerson: {
    method: 'GET',
    path: `${T}/users/:name/apps`,
    access: 'auditor',
    summary: 'The apps that a person may reach, or may not, and why',
    query: question,
    reply: answers({ name: z.string(), displayName: z.string(), kind: z.enum(['http', 'tcp']) }),
  },
  listPeopleOfApp: {
    method: 'GET',
    path: `${T}/apps/:name/people`,
    access: 'auditor',
    summary: 'The people who may reach an app, or may not, and why',
    query: question,
    reply: answers({ name: z.string(), displayName: z.string(), organisation: z.string().nullable() }),
  },
})
