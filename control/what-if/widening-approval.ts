// A second administrator's yes to what a change opens: the one who is held back gets a sealed request, another opens it,
// reads the list and seals an approval, which goes with the change. Nothing is stored: both are sealed under the key of
// this installation, name the change by its digest, and end. Must never let anybody approve what they asked for.
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import type { Widening } from '#core/policy/widening.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'

const widening = z.strictObject({
  who: z.string(),
  app: z.string(),
  circumstances: z.string(),
  policies: z.array(z.string()),
  cause: z.string(),
})
const request = z.strictObject({
  digest: z.string(),
  requestedBy: z.string(),
  requestedByName: z.string(),
  openings: z.array(widening),
  total: z.number(),
  untilMs: z.number(),
})
const approval = z.strictObject({
  digest: z.string(),
  requestedBy: z.string(),
  approvedBy: z.string(),
  untilMs: z.number(),
})
export type WideningRequest = z.infer<typeof request>

type Deps = Pick<ControlContext, 'sealer' | 'nowMs'>
type Person = { readonly userId: string; readonly userName: string }

/** What exactly is asked for: the same documents in the same order, and what they open. */
export function digestOf(change: unknown, openings: readonly Widening[]): string {
  const names = openings.map(({ who, app }) => `${who}\n${app}`).toSorted()
  return createHash('sha256')
    .update(JSON.stringify([change, names]))
    .digest('base64url')
}

/** For people and the API: a name too many helps nobody, and a sealed request goes through a terminal. */
export function viewsOfOpenings(openings: readonly Widening[]) {
  return openings.map((each) => ({ ...each, policies: each.policies.slice(0, 3), cause: each.cause.slice(0, 300) }))
}

export function sealRequest(
  tenantId: string,
  digest: string,
  openings: readonly Widening[],
  by: Person,
  { sealer, nowMs }: Deps,
): string {
  const made: WideningRequest = {
    digest,
    requestedBy: by.userId,
    requestedByName: by.userName,
    openings: viewsOfOpenings(openings.slice(0, caps.wideningsSealed.default)),
    total: openings.length,
    untilMs: nowMs() + caps.wideningApprovalMs.default,
  }
  return sealer.seal(Buffer.from(JSON.stringify(made)), contextOf('request', tenantId))
}

/** Throws Fault `token-invalid`. */
export function openRequest(tenantId: string, text: string, deps: Deps): WideningRequest {
  return opened(text, 'request', request, tenantId, deps)
}

/** Throws Fault `not-permitted` when the one who asked is the one who approves. */
export function sealApproval(tenantId: string, asked: WideningRequest, by: Person, { sealer, nowMs }: Deps): string {
  if (asked.requestedBy === by.userId)
    throw new Fault('not-permitted', { hint: 'Another administrator has to approve what you asked for.' })
  const made: z.infer<typeof approval> = {
    digest: asked.digest,
    requestedBy: asked.requestedBy,
    approvedBy: by.userId,
    untilMs: nowMs() + caps.wideningApprovalMs.default,
  }
  return sealer.seal(Buffer.from(JSON.stringify(made)), contextOf('approval', tenantId))
}

/** Who approved this change for this person. Throws Fault `token-invalid` when nobody did. */
export function approverOf(tenantId: string, text: string, digest: string, by: Person, deps: Deps): string {
  const given = opened(text, 'approval', approval, tenantId, deps)
  if (given.digest !== digest)
    throw new Fault('token-invalid', { hint: 'The approval is for another change, or the change opens more now.' })
  if (given.requestedBy !== by.userId || given.approvedBy === by.userId) throw new Fault('token-invalid')
  return given.approvedBy
}

function opened<T extends { readonly untilMs: number }>(
  text: string,
  kind: 'request' | 'approval',
  form: z.ZodType<T>,
  tenantId: string,
  { sealer, nowMs }: Deps,
): T {
  let read: T
  try {
    read = form.parse(JSON.parse(sealer.open(text, contextOf(kind, tenantId)).toString()))
  } catch (cause) {
    throw new Fault('token-invalid', { cause })
  }
  if (read.untilMs <= nowMs()) throw new Fault('token-invalid', { hint: 'It has expired; ask again.' })
  return read
}

function contextOf(kind: 'request' | 'approval', tenantId: string): string {
  return `widening ${kind} ${tenantId}`
}
