// Circumstances as people state them, to the facts that an exchange would know. Defaults are the plainest ones: a
// browser, no device, no factor, no approval. Must never make up a fact that helps somebody in.
import type { StatedContext } from '#core/resources/policy-test.ts'
import type { AuthorizationFacts } from './decide.ts'
import type { ActionName } from './schema.ts'

export type Question = {
  readonly user: string
  readonly action: ActionName
  readonly resource: AuthorizationFacts['resource']
  readonly context: StatedContext
  readonly host: string
}

/** `nowMs`: what *now* is where the circumstances do not say. */
export function factsFrom({ user, action, resource, context, host }: Question, nowMs: number): AuthorizationFacts {
  const { posture, os = 'linux' } = context
  const atMs = context.at === undefined ? nowMs : Date.parse(context.at)
  const at = new Date(atMs)
  return {
    user,
    action,
    resource,
    session: {
      factors: context.factors ?? [],
      ageSeconds: context.ageSeconds ?? 0,
      door: context.door ?? (posture === undefined ? 'browser' : 'agent'),
    },
    device: posture === undefined ? null : { id: 'stated', posture, os },
    ip: context.ip ?? '192.0.2.1',
    // Tenants have no time zone yet, so that hours are those of UTC.
    time: { nowMs: atMs, hour: at.getUTCHours(), weekday: at.getUTCDay() || 7 },
    risk: context.risk ?? 0,
    approved: context.approved ?? false,
    http: action === 'connect' ? null : { method: context.method ?? 'GET', path: context.path ?? '/', host },
  }
}
