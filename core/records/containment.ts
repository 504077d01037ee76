// The lease that denies a subject, or asks more of it, everywhere: what may be contained, how strongly, in which
// directions. Must never have a form without an end.
import * as z from 'zod'

const timeMs = z.number().int().nonnegative().describe('milliseconds since 1970-01-01T00:00:00Z')

/** Things that control knows by a record, and things that are known by what they are called. */
export const knownSubjects = ['user', 'device', 'session', 'app', 'connector', 'organisation'] as const
export const namedSubjects = ['network', 'host', 'url', 'hash', 'category'] as const
export const containmentSubjects = [...knownSubjects, ...namedSubjects] as const
export type ContainmentSubject = (typeof containmentSubjects)[number]
export type NamedSubject = (typeof namedSubjects)[number]

/**
 * Mildest first. `ask`: goes on for a while, then waits until the person has confirmed; `step-up`: waits at once;
 * `restrict`: read only, no downloads; `cut`: nothing passes, the sign-in stays; `contain`: nothing at all.
 */
export const containmentAnswers = ['ask', 'step-up', 'restrict', 'cut', 'contain'] as const
export type ContainmentAnswer = (typeof containmentAnswers)[number]

export const containmentScopes = ['all', 'apps', 'internet'] as const
export type ContainmentScope = (typeof containmentScopes)[number]

export const containmentRecord = z.strictObject({
  kind: z.literal('containment'),
  id: z.string().max(64),
  subject: z.strictObject({ kind: z.enum(containmentSubjects), id: z.string().max(2048) }),
  answer: z.enum(containmentAnswers),
  scope: z.enum(containmentScopes).describe('which direction: to apps, to the internet, or both'),
  reason: z.string().max(500),
  ownerId: z.string().max(64),
  createdAtMs: timeMs,
  expiresAtMs: timeMs,
})
export type ContainmentRecord = z.infer<typeof containmentRecord>

/** Nothing passes while such a lease is in force. */
export function isCutting(answer: ContainmentAnswer): boolean {
  return answer === 'cut' || answer === 'contain'
}
