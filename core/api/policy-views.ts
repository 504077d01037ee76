// What the API shows of policies in question: what a change opens, tests, explanations, replay, reach, proposals. The
// parts that work these out use the same forms.
import * as z from 'zod'

export const why = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^\P{Cc}*$/u, 'no control characters')
  .optional()
  .describe('the reason of the change, for who reads the history of the policies')

/** How an administrator stands to what a change opens to outsiders or to everybody. */
export const consent = {
  allowWidening: z.boolean().optional().describe('yes to what it opens to outsiders or to everybody'),
  wideningApproval: z.string().max(20_000).optional().describe("another administrator's approval of exactly that"),
}

export const opening = z.object({
  who: z.string(),
  app: z.string(),
  circumstances: z.string().describe('in which it was out of reach before'),
  policies: z.array(z.string()).describe('by which it is open now'),
  cause: z.string().describe('how it came about'),
})

const name = z.string()
const count = z.number().int().nonnegative()
const when = z.iso.datetime().nullable()

export const policyPlace = z.object({
  id: z.string(),
  name,
  line: z.number().int().nullable(),
  document: z.string().nullable().describe('the resource that it is written in'),
  text: z.string().nullable().describe('as written'),
})

/** A decision with everything that is known of why. */
export const explanation = z.object({
  decision: z.enum(['allow', 'deny']),
  reason: z.string().nullable(),
  message: z.string(),
  advice: z.string(),
  policies: z.array(policyPlace).describe('that decided'),
  missing: z
    .array(z.object({ policy: z.string(), conditions: z.array(z.string()), place: policyPlace }))
    .describe('on a denial: the nearest policies that would have allowed, and each condition that failed'),
  errors: z.array(z.object({ policy: z.string(), message: z.string() })),
})
export type Explanation = z.infer<typeof explanation>

export const pastExplanation = z.object({
  event: z.string(),
  at: z.iso.datetime(),
  user: name.nullable(),
  app: name.nullable(),
  recorded: z.object({
    decision: z.enum(['allow', 'deny']),
    reason: z.string().nullable(),
    policies: z.array(z.string()),
    missing: z.array(z.string()),
    inputs: z.record(z.string(), z.unknown()).nullable(),
  }),
  then: z
    .union([
      z.object({ known: z.literal(true), sequence: count, explanation }),
      z.object({ known: z.literal(false), why: z.string() }),
    ])
    .describe('asked again under the policies in force then; unknown where those or the inputs were not kept'),
  now: explanation.nullable().describe('the same inputs under the policies in force now'),
})

export const policyTestResult = z.object({
  document: name,
  at: z.string().describe('documents[3].spec.tests[0] of what was sent, else the resource and the test'),
  title: z.string(),
  ok: z.boolean(),
  message: z.string().nullable(),
  explanation: explanation.nullable(),
})

export const policyWarning = z.object({ document: z.string(), message: z.string() })

const changed = z.object({
  user: name,
  app: name,
  organisation: name.nullable(),
  groups: z.array(name),
  decisions: count,
  first: z.iso.datetime(),
  last: z.iso.datetime(),
  before: z.string().describe('what decides now'),
  after: z.string().describe('what would decide'),
})
const rolledUp = z.object({
  name,
  people: count,
  apps: count,
  decisions: count,
  last: z.iso.datetime(),
})
const side = z.object({
  decisions: count,
  people: count,
  pairs: count.describe('a person and an app'),
  rows: z.array(changed).describe('most used first; the first ones of `pairs`'),
  byUser: z.array(rolledUp),
  byGroup: z.array(rolledUp),
  byApp: z.array(rolledUp),
  byOrganisation: z.array(rolledUp),
})
export const replayReport = z.object({
  from: z.iso.datetime(),
  until: z.iso.datetime(),
  decisions: count,
  classes: count.describe('of equal inputs; each was asked once'),
  loses: side,
  gains: side,
  same: z.object({ allowed: count, denied: count }),
  duties: z.object({ decisions: count, rows: z.array(changed) }).describe('allowed still, with other obligations'),
  unknown: z.object({ decisions: count, why: z.array(z.object({ why: z.string(), decisions: count })) }),
  apart: count.describe('refused by what is not policy: an ended session, a contained user, no connector'),
  drifted: count.describe('decided otherwise when they were recorded than now: something has changed since'),
})
export type ReplayReport = z.infer<typeof replayReport>

const subjectKind = z.enum(['anyone', 'organisation', 'group'])
export const reachReport = z.object({
  circumstances: z.string(),
  people: count,
  apps: count,
  /** Of the present rules, or of the proposed ones when something was proposed. */
  possible: z.array(z.object({ kind: subjectKind, name, apps: z.array(name) })),
  reachableBy: z.array(z.object({ app: name, people: count })),
  change: z
    .object({
      pairs: z.array(z.object({ kind: subjectKind, name, app: name, becomes: z.enum(['possible', 'impossible']) })),
      apps: z.array(z.object({ app: name, gain: count, lose: count, gaining: z.array(name), losing: z.array(name) })),
      gained: count,
      lost: count,
    })
    .nullable(),
})
export type ReachReport = z.infer<typeof reachReport>

export const proposalReport = z.object({
  from: z.iso.datetime(),
  until: z.iso.datetime(),
  heldOutFrom: z.iso.datetime(),
  rules: z.array(
    z.object({
      group: name.nullable().describe('null: a single user'),
      user: name.nullable(),
      app: name,
      covers: count.describe('people who used it'),
      members: count,
      leastPosture: z.number().int(),
    }),
  ),
  used: count.describe('pairs of person and app that were used in the time it learnt from'),
  covered: count,
  heldOut: z.object({
    decisions: count,
    coveredDecisions: count,
    pairs: count,
    coveredPairs: count,
    breaks: z.array(z.object({ user: name, app: name, decisions: count, last: z.iso.datetime() })),
  }),
  pairs: z.object({ now: count, proposed: count, removed: count }),
  kept: z.array(z.string()).describe('policies that forbid; they stay'),
  notes: z.array(z.string()),
  yaml: z.string().describe('to be reviewed; never applied by itself'),
})
export type ProposalReport = z.infer<typeof proposalReport>

export const policyJob = z.object({
  id: z.string().max(64),
  kind: z.enum(['replay', 'reach', 'propose']),
  status: z.enum(['running', 'done', 'failed']),
  startedAt: z.iso.datetime(),
  endedAt: when,
  progress: z.object({ done: count, words: z.string() }),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  replay: replayReport.nullable(),
  reach: reachReport.nullable(),
  proposal: proposalReport.nullable(),
})
export type PolicyJob = z.infer<typeof policyJob>
