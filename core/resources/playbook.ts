// What is done about a story, step by step: by itself, by asking a person, by waiting. Steps lead forwards only, so that a
// playbook always ends; what it may do is what a person could do, and no more.
import * as z from 'zod'

const stepId = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens')
const span = z
  .string()
  .regex(/^[1-9]\d{0,5}(s|m|h)$/, 'a span such as 30s, 15m or 4h')
  .describe('30s, 15m, 4h')
const next = stepId.describe('id of a later step, or `end`')

const step = z.union([
  z.strictObject({
    id: stepId,
    contain: z
      .strictObject({
        subject: z.enum(['user', 'organisation']).describe('the user of the story, or the third party they belong to'),
        for: span,
      })
      .describe('never an administrator of the tenant, and for at most a day'),
    next: next.optional(),
  }),
  z.strictObject({
    id: stepId,
    ask: z
      .strictObject({
        question: z.string().min(1).max(500),
        within: span,
        yes: next,
        no: next,
        silent: next.describe('when nobody answers in time'),
      })
      .describe('a question to the people who work on the incident'),
  }),
  z.strictObject({ id: stepId, wait: span, next: next.optional() }),
  z.strictObject({ id: stepId, comment: z.string().min(1).max(2000), next: next.optional() }),
  z.strictObject({
    id: stepId,
    severity: z.enum(['low', 'medium', 'high', 'critical']),
    next: next.optional(),
  }),
  z.strictObject({
    id: stepId,
    release: z.literal('contained').describe('undoes what this run has contained'),
    next: next.optional(),
  }),
  z.strictObject({
    id: stepId,
    close: z.strictObject({
      cause: z.enum(['attack', 'misuse', 'mistake', 'expected', 'false-alarm', 'drill', 'unknown']),
      text: z.string().max(2000).optional(),
    }),
  }),
])
export type PlaybookStep = z.infer<typeof step>

const level = z.enum(['note', 'ask', 'step-up', 'restrict', 'cut', 'contain'])

export const playbookSpec = z
  .strictObject({
    title: z.string().min(1).max(120),
    description: z.string().max(2000).optional(),
    on: z
      .array(
        z.strictObject({
          kinds: z.array(z.string().max(64)).min(1).max(30).optional().describe('of story, e.g. car-park; default any'),
          levelAtLeast: level,
        }),
      )
      .max(20)
      .optional()
      .describe('stories that start it by themselves; without, people start it in an incident'),
    runsPerHour: z
      .number()
      .int()
      .min(1)
      .max(200)
      .optional()
      .describe('more are not started, and that is told; default 20'),
    enabled: z.boolean().optional().describe('default true; false ends what runs'),
    steps: z.array(step).min(1).max(50),
  })
  .superRefine(({ steps }, context) => {
    for (const { at, message } of flowFaults(steps)) context.addIssue({ code: 'custom', path: ['steps', at], message })
  })
export type PlaybookSpec = z.infer<typeof playbookSpec>

/** Where a step may lead to, in words of its own; `end` is the end. */
export function leadsTo(steps: readonly PlaybookStep[], at: number): readonly string[] {
  const made = steps[at]
  if (!made) return []
  if ('ask' in made) return [made.ask.yes, made.ask.no, made.ask.silent]
  if ('close' in made) return ['end']
  return [made.next ?? steps[at + 1]?.id ?? 'end']
}

/** Ids that are taken twice, and steps that lead to nowhere, back or to themselves. */
function flowFaults(steps: readonly PlaybookStep[]): { readonly at: number; readonly message: string }[] {
  const faults: { at: number; message: string }[] = []
  const places = new Map<string, number>()
  for (const [at, { id }] of steps.entries()) {
    if (id === 'end') faults.push({ at, message: 'a step may not be called end' })
    else if (places.has(id)) faults.push({ at, message: `the id ${id} is taken by another step` })
    else places.set(id, at)
  }
  for (const at of steps.keys())
    for (const target of leadsTo(steps, at)) {
      if (target === 'end') continue
      const place = places.get(target)
      if (place === undefined) faults.push({ at, message: `there is no step ${target}` })
      else if (place <= at) faults.push({ at, message: `leads back to ${target}: a playbook may not loop` })
    }
  return faults
}

/** `30s`, `15m`, `4h` → milliseconds. */
export function playbookSpanMs(text: string): number {
  const unit = { s: 1000, m: 60_000, h: 3_600_000 }[text.at(-1) ?? '']
  return unit === undefined ? 0 : Number(text.slice(0, -1)) * unit
}
