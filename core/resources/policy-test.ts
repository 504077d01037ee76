// What a policy test is, as people write it: who wants what under which circumstances, and what must come of it.
// Must stay readable without knowing Cedar.
import * as z from 'zod'
import { actionNames } from '#core/policy/schema.ts'
import { denyReasons } from '#core/policy/decide.ts'
import { hostName, labelName, looseName } from '#core/names.ts'

/** Circumstances; what is left out has the default that its description names. */
export const statedContext = z.strictObject({
  door: z.enum(['browser', 'agent', 'web']).optional().describe('default agent when a posture is given, else browser'),
  factors: z.array(z.string().min(1).max(32)).max(16).optional().describe('default none'),
  ageSeconds: z.number().int().min(0).max(31_536_000).optional().describe('since sign-in; default 0'),
  posture: z
    .union([z.literal(0), z.literal(1), z.literal(2)])
    .optional()
    .describe('0 unknown, 1 registered, 2 managed; default no device at all'),
  os: z.string().max(64).optional().describe('of the device; default linux'),
  ip: z.union([z.ipv4(), z.ipv6()]).optional().describe('default 192.0.2.1'),
  at: z.iso.datetime({ offset: true }).optional().describe('default now'),
  risk: z.number().int().min(0).max(100).optional().describe('default 0'),
  approved: z.boolean().optional().describe('an approved request for access; default false'),
  method: z
    .string()
    .regex(/^[A-Z]{1,20}$/)
    .optional()
    .describe('default GET'),
  path: z
    .string()
    .regex(/^\/[^?#\s]*$/)
    .max(1024)
    .optional()
    .describe('default /'),
})
export type StatedContext = z.infer<typeof statedContext>

export const policyTest = z
  .strictObject({
    name: z.string().min(1).max(200).optional().describe('what it says, for people'),
    who: z
      .union([
        looseName,
        z.strictObject({ groups: z.array(looseName).max(64).optional(), organisation: labelName.optional() }),
      ])
      .describe('a user, or somebody who is in these groups only'),
    app: labelName.optional(),
    host: hostName.optional().describe('a place on the internet, instead of an app'),
    categories: z.array(labelName).max(16).optional().describe('of the host; default none'),
    action: z.enum(actionNames).optional().describe('default request or connect for an app, browse for a host'),
    context: statedContext.optional(),
    expect: z.enum(['allow', 'deny']),
    reason: z.enum(denyReasons).optional().describe('of the denial'),
    policies: z.array(z.string().max(200)).max(32).optional().describe('names of exactly those that must decide'),
  })
  .refine(({ app, host }) => (app === undefined) !== (host === undefined), 'name an app or a host, one of them')
  .refine(({ expect, reason }) => reason === undefined || expect === 'deny', 'only a denial has a reason')
export type PolicyTest = z.infer<typeof policyTest>

export const policyTestSpec = z.strictObject({
  description: z.string().max(1000).optional(),
  tests: z.array(policyTest).min(1).max(500),
})
