// Routes of playbooks: they are declared as resources; here they are started, answered and stopped.
import * as z from 'zod'
import { labelName } from '#core/names.ts'
import { defineRoutes } from './route.ts'
import { id, page, pageOf, time } from './views.ts'

const T = '/v1/tenants/:tenant'

export const playbookRun = z.object({
  id,
  playbook: z.string(),
  incident: id,
  state: z.enum(['running', 'waiting', 'asking', 'done', 'stopped', 'failed']),
  step: z.string(),
  question: z.string().nullable().describe('what it asks, while it asks'),
  dueAt: time.nullable().describe('when it goes on by itself'),
  startedAt: time,
  endedAt: time.nullable(),
  why: z.string().nullable(),
})
export type PlaybookRunView = z.infer<typeof playbookRun>

export const playbookRoutes = defineRoutes({
  listPlaybookRuns: {
    method: 'GET',
    path: `${T}/playbook-runs`,
    access: 'auditor',
    summary: 'Runs of playbooks, newest first',
    query: page.extend({ incident: id.optional() }),
    reply: pageOf(playbookRun),
  },
  startPlaybook: {
    method: 'POST',
    path: `${T}/incidents/:id/playbooks`,
    access: 'tenant-admin',
    summary: 'Start a playbook in an incident',
    status: 201,
    body: z.strictObject({ playbook: labelName }),
    reply: playbookRun,
  },
  answerPlaybook: {
    method: 'POST',
    path: `${T}/playbook-runs/:id/answer`,
    access: 'tenant-admin',
    summary: 'Answer what a playbook asks',
    body: z.strictObject({ answer: z.enum(['yes', 'no']) }),
    reply: playbookRun,
  },
  stopPlaybook: {
    method: 'DELETE',
    path: `${T}/playbook-runs/:id`,
    access: 'tenant-admin',
    summary: 'Stop a run; what it did stays done',
    reply: playbookRun,
  },
})
