// The inputs of a decision as an event recorded them, read back. Strict: inputs in another form than today's are not
// guessed at, they are unknown.
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import type { AuthorizationFacts } from './decide.ts'
import type { Request } from './request.ts'
import { requestOf } from './request-facts.ts'
import { actionNames } from './schema.ts'

const int = z.number().int()
const recorded = z.object({
  user: z.string(),
  action: z.enum(actionNames),
  resource: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('app'), name: z.string() }),
    z.object({ kind: z.literal('destination'), host: z.string(), categories: z.array(z.string()).optional() }),
  ]),
  session: z.object({ factors: z.array(z.string()), ageSeconds: int, door: z.enum(['browser', 'agent', 'web']) }),
  device: z
    .object({ id: z.string(), posture: z.union([z.literal(0), z.literal(1), z.literal(2)]), os: z.string() })
    .nullable(),
  ip: z.string(),
  time: z.object({ nowMs: int, hour: int, weekday: int }),
  risk: int,
  approved: z.boolean(),
  http: z.object({ method: z.string(), path: z.string(), host: z.string() }).nullable(),
})

/** null: not recorded, or in a form that this version does not know. */
export function readRecordedFacts(value: unknown): AuthorizationFacts | null {
  const parsed = recorded.safeParse(value)
  return parsed.success && recordedRequest(parsed.data) !== null ? parsed.data : null
}

/** The request that they make; null: they make none, whoever wrote them down. */
export function recordedRequest(facts: AuthorizationFacts): Request | null {
  try {
    return requestOf(facts)
  } catch (error) {
    if (error instanceof Fault) return null
    throw error
  }
}
