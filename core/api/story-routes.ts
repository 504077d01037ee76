// Routes of stories: what detection has noticed, and what people made of it.
import * as z from 'zod'
import { defineRoutes } from './route.ts'
import { id, page, pageOf, time } from './views.ts'

const T = '/v1/tenants/:tenant'

/** Graded answers, mildest first. */
export const storyLevel = z.enum(['note', 'ask', 'step-up', 'restrict', 'cut', 'contain'])

/** `true`: an attack. `expected`: known and allowed. `odd`: benign but out of the ordinary. `drill`: a rehearsal. */
export const storyVerdict = z.enum(['true', 'expected', 'odd', 'drill'])

export const storyView = z.object({
  id,
  subject: z.object({ kind: z.enum(['user', 'other']), id: z.string(), name: z.string() }),
  kind: z.string(),
  level: storyLevel,
  score: z.number().int().describe('50 is the threshold of a story, 100 twice as surprising'),
  sentence: z.string(),
  firstAt: time,
  noticedAt: time,
  events: z.array(z.string()).describe('uids of the events that it rests on'),
  state: z.enum(['open', 'taken', 'closed']),
  takenBy: z.string().nullable(),
  verdict: storyVerdict.nullable(),
  containment: id.nullable().describe('the containment that answered it by itself'),
  notes: z.array(z.object({ by: z.string(), at: time, text: z.string() })),
})
export type StoryView = z.infer<typeof storyView>

export const storyRoutes = defineRoutes({
  listStories: {
    method: 'GET',
    path: `${T}/stories`,
    access: 'auditor',
    summary: 'Stories, newest first',
    query: page.extend({
      state: z.enum(['open', 'taken', 'closed']).optional(),
      user: z.string().max(127).optional().describe('id of the user'),
    }),
    reply: pageOf(storyView),
  },
  getStory: {
    method: 'GET',
    path: `${T}/stories/:id`,
    access: 'auditor',
    summary: 'A story with its events',
    reply: z.object({ story: storyView, events: z.array(z.record(z.string(), z.unknown())) }),
  },
  changeStory: {
    method: 'PATCH',
    path: `${T}/stories/:id`,
    access: 'tenant-admin',
    summary: 'Take a story, say what it was, or note something',
    body: z
      .strictObject({
        take: z.literal(true).optional(),
        verdict: storyVerdict.optional().describe('closes it'),
        expectedDays: z
          .number()
          .int()
          .min(1)
          .max(90)
          .optional()
          .describe('with the verdict expected: no such story of this subject for so many days; default 30'),
        note: z.string().min(1).max(2000).optional(),
      })
      .refine((body) => Object.keys(body).length > 0, 'say what to change'),
    reply: storyView,
  },
})
