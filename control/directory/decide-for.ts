// What an exchange would decide, worked out from the same records by the same evaluator: for the portal and `explain`.
// Must never be what anybody relies on for access: the exchange decides by itself.
import { isCutting } from '#core/records/containment.ts'
import { riskPointsAt, riskRecordId } from '#core/records/risk.ts'
import type { AppRecord } from '#core/records/app.ts'
import type { UserRecord } from '#core/records/records.ts'
import { adviceFor, describe } from '#core/policy/advice.ts'
import { decidePolicy, deny, type Decision } from '#core/policy/decide.ts'
import { isPathAllowed } from '#core/policy/path-rules.ts'
import type { AuthorizationFacts } from '#core/policy/request-facts.ts'
import { rulesOf, type TenantRules } from '#core/policy/tenant-rules.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { DecisionView } from '#control/sign-in-seam.ts'

export type AccessFacts = {
  readonly user: UserRecord
  readonly app: AppRecord
  readonly door: 'browser' | 'agent'
  readonly factors: readonly string[]
  readonly ageSeconds: number
  readonly device: AuthorizationFacts['device']
  readonly ip: string
  readonly atMs: number
  readonly http: AuthorizationFacts['http']
}

const compiled = new WeakMap<TenantMirror, { readonly version: number; readonly rules: TenantRules }>()

export function decideFor(mirror: TenantMirror, facts: AccessFacts): Decision {
  const { user, app, atMs } = facts
  const tenant = [...mirror.all('tenant')][0]
  if (tenant?.status !== 'active') return deny('tenant-suspended')
  if (user.status !== 'active') return deny('user-disabled')
  for (const { subject, answer, scope, expiresAtMs } of mirror.all('containment'))
    if (
      expiresAtMs > atMs &&
      isCutting(answer) &&
      scope !== 'internet' &&
      [user.id, app.id, user.organisationId].includes(subject.id)
    )
      return deny('contained')
  if (user.organisationId !== null) {
    const contract = mirror.get('organisation', user.organisationId)
    if (!contract || atMs < contract.fromMs || atMs >= contract.untilMs) return deny('outside-contract')
    // As the exchange has it: an approved request adds one app for a time, never a day beyond the window.
    if (!contract.appIds.includes(app.id) && !isApproved(mirror, facts)) return deny('app-not-in-contract')
  }
  if (!app.enabled) return deny('app-disabled')
  if (app.appKind === 'http' && facts.http !== null && !isPathAllowed(app.http.rules, facts.http))
    return deny('path-not-allowed')
  const { policies, entities } = rulesOfMirror(mirror)
  const at = new Date(atMs)
  return decidePolicy(policies, entities, {
    user: user.name,
    action: app.appKind === 'http' ? 'request' : 'connect',
    resource: { kind: 'app', name: app.name },
    session: { factors: facts.factors, ageSeconds: facts.ageSeconds, door: facts.door },
    device: facts.device,
    ip: facts.ip,
    time: { nowMs: atMs, hour: at.getUTCHours(), weekday: at.getUTCDay() || 7 },
    risk: riskOfUser(mirror, user, atMs),
    approved: isApproved(mirror, facts),
    http: app.appKind === 'http' ? facts.http : null,
  })
}

/** As the exchange has it, the device apart: nobody knows yet which one it will be. */
function riskOfUser(mirror: TenantMirror, { id, organisationId }: UserRecord, atMs: number): number {
  const ids = [
    riskRecordId('user', id),
    ...(organisationId === null ? [] : [riskRecordId('organisation', organisationId)]),
  ]
  return Math.max(0, ...ids.flatMap((each) => mirror.get('risk', each) ?? []).map((risk) => riskPointsAt(risk, atMs)))
}

/** Whether a request of this person for this app is approved at that time. */
export function isApproved(
  mirror: TenantMirror,
  { user, app, atMs }: Pick<AccessFacts, 'user' | 'app' | 'atMs'>,
): boolean {
  return [...mirror.all('approval')].some(
    ({ userId, appId, expiresAtMs }) => userId === user.id && appId === app.id && expiresAtMs > atMs,
  )
}

export function decisionView(decision: Decision): DecisionView {
  return {
    decision: decision.kind,
    reason: decision.kind === 'deny' ? decision.reason : null,
    message: describe(decision),
    advice: adviceFor(decision),
    policies: decision.policies.map(({ id, name, line }) => ({ id, name, line })),
    missing:
      decision.kind === 'deny'
        ? decision.missing.map(({ policy, conditions }) => ({ policy: policy.name, conditions: [...conditions] }))
        : [],
    errors: decision.errors.map(({ policyId, message }) => ({ policy: policyId, message })),
  }
}

/** How much of a denial a person sees is the tenant's choice; administrators use `decisionView` as it is. */
export function decisionForPerson(decision: Decision, explain: 'full' | 'reason' | 'none'): DecisionView {
  const view = decisionView(decision)
  if (explain === 'full' || decision.kind === 'allow') return { ...view, errors: [] }
  return {
    ...view,
    reason: explain === 'none' ? null : view.reason,
    message: 'Not allowed.',
    advice: explain === 'none' ? '' : view.advice,
    policies: [],
    missing: [],
    errors: [],
  }
}

/** The mirror's rules, worked out once for each version of its directory. */
export function rulesOfMirror(mirror: TenantMirror): TenantRules {
  const known = compiled.get(mirror)
  if (known?.version === mirror.directoryVersion) return known.rules
  const rules = rulesOf(mirror.records(), known?.rules)
  compiled.set(mirror, { version: mirror.directoryVersion, rules })
  return rules
}
