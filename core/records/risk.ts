// The risk of a user, a device or a third party as exchanges know it: one number with the moment it was true and how
// fast it fades, so that nothing has to be sent for it to fall. Must never rise by itself.
import * as z from 'zod'

const MAX_POINTS = 100

/** Half of a part's points are gone after this long; every part fades alike, so that their sum does too. */
export const RISK_HALF_LIFE_MS = 43_200_000

export const riskSubjects = ['user', 'device', 'organisation'] as const
export type RiskSubjectKind = (typeof riskSubjects)[number]

export const riskRecord = z.strictObject({
  kind: z.literal('risk'),
  id: z.string().max(64).describe('kind and id of the subject'),
  subject: z.strictObject({ kind: z.enum(riskSubjects), id: z.string().max(64) }),
  points: z
    .number()
    .min(0)
    .max(10_000)
    .describe('the sum of its parts at `atMs`; more than 100 counts as 100 for longer'),
  atMs: z.number().int().nonnegative().describe('milliseconds since 1970-01-01T00:00:00Z'),
  halfLifeMs: z.number().int().min(60_000).describe('ms after which half of it is left'),
})
export type RiskRecord = z.infer<typeof riskRecord>

export function riskRecordId(kind: RiskSubjectKind, id: string): string {
  return `${kind}:${id}`
}

/** Whole points from 0 to 100 at that time. A clock that is behind gets the points as they were, never more. */
export function riskPointsAt(
  { points, atMs, halfLifeMs }: Omit<RiskRecord, 'kind' | 'id' | 'subject'>,
  nowMs: number,
): number {
  const elapsedMs = Math.max(0, nowMs - atMs)
  return Math.min(MAX_POINTS, Math.round(points * 2 ** (-elapsedMs / halfLifeMs)))
}
