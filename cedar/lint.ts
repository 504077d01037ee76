// Looks for policies that are valid and yet surely not meant: unknown names, policies that can never apply or change
// nothing, apps that nobody can reach. Findings are advice; must never change or refuse a policy.
import type { Expression } from '#core/policy/expression.ts'
import { type Condition, readPolicy } from '#core/policy/policy-form.ts'
import { type Policy, readJson, type Target } from '#core/policy/policy.ts'
import { obligationNames } from '#core/policy/schema.ts'
import { EntityUid, type Value } from '#core/policy/value.ts'
import { contradictionIn } from './lint-contradiction.ts'
import { type Above, coverageOf, coversTarget, shadows } from './lint-shadow.ts'
import { nearestName } from './nearest-name.ts'

/** What exists in the tenant. A kind that is absent is not checked. */
export type KnownNames = {
  readonly users?: ReadonlySet<string>
  readonly groups?: ReadonlySet<string>
  readonly organisations?: ReadonlySet<string>
  readonly appGroups?: ReadonlySet<string>
  readonly categories?: ReadonlySet<string>
  /** App to the app groups that it is in. */
  readonly apps?: ReadonlyMap<string, readonly string[]>
  /** Decides which action reaches an app. */
  readonly appKinds?: ReadonlyMap<string, 'http' | 'tcp'>
  /** What users, groups and apps are in; absent: apps are in their groups, and nothing else in anything. */
  readonly above?: Above
}

export type Finding = {
  readonly kind: 'unknown-name' | 'never-applies' | 'shadowed' | 'no-effect' | 'unreachable-app'
  readonly message: string
  /** null: about the set as a whole. */
  readonly policy: { readonly id: string; readonly name: string; readonly line: number | null } | null
}

function aboveApps({ apps }: KnownNames): Above {
  const prefix = 'App '
  return (key) =>
    new Set((key.startsWith(prefix) ? apps?.get(key.slice(prefix.length)) : [])?.map((name) => `AppGroup ${name}`))
}

export function lintPolicies(policies: readonly Policy[], known: KnownNames): readonly Finding[] {
  const findings: Finding[] = []
  for (const policy of policies) {
    const add = (kind: Finding['kind'], message: string): void => {
      findings.push({ kind, message, policy: { id: policy.id, name: policy.name, line: policy.line } })
    }
    const { conditions } = readPolicy(readJson(policy.source))
    const uids = [...targetUids(policy), ...conditions.flatMap(({ body }) => uidsIn(body))]
    for (const message of new Set(uids.flatMap((uid) => unknownName(uid, known)))) add('unknown-name', message)
    const contradiction = whyNever(policy, conditions)
    if (contradiction !== null) add('never-applies', contradiction)
    const idle = obligationNames.filter((name) => policy.annotations.has(name))
    if (policy.effect === 'forbid' && idle.length > 0) add('no-effect', `@${idle.join(', @')} on a forbid does nothing`)
  }
  const { above = aboveApps(known) } = known
  return [...findings, ...shadowed(policies, above), ...unreachable(policies, known, above)]
}

function targetUids({ principal, resource }: Policy): EntityUid[] {
  return [principal.uid, resource.uid].filter((uid) => uid !== null)
}

function namesOf(type: string, known: KnownNames): ReadonlySet<string> | ReadonlyMap<string, unknown> | undefined {
  switch (type) {
    case 'User':
      return known.users
    case 'Group':
      return known.groups
    case 'Organisation':
      return known.organisations
    case 'App':
      return known.apps
    case 'AppGroup':
      return known.appGroups
    case 'Category':
      return known.categories
    default:
      return undefined
  }
}

function unknownName({ type, id }: EntityUid, known: KnownNames): string[] {
  const names = namesOf(type, known)
  if (names === undefined || names.has(id)) return []
  const nearest = nearestName(id, names.keys())
  return [
    `there is no ${type} ${JSON.stringify(id)}${nearest === null ? '' : `; did you mean ${JSON.stringify(nearest)}?`}`,
  ]
}

const principalTypes = new Set(['User', 'Group', 'Organisation'])
const resourceTypes = new Set(['App', 'AppGroup', 'Destination', 'Category'])

function whyNever(policy: Policy, conditions?: readonly Condition[]): string | null {
  return outOfScope(policy) ?? contradictionIn(conditions ?? readPolicy(readJson(policy.source)).conditions)
}

function outOfScope({ principal, action, resource }: Policy): string | null {
  if (action.kind === 'within' && action.actions.length === 0) return 'it names no action'
  if (isOutside(principal, principalTypes, 'User')) return 'no user can be its principal'
  if (isOutside(resource, resourceTypes, null)) return 'no app or destination can be its resource'
  const about = resource.type ?? resource.uid?.type
  if (about === undefined || action.kind === 'any') return null
  const named = action.kind === 'exact' ? [action.action] : action.actions
  const isOfApps = about === 'App' || about === 'AppGroup'
  // Actions are of apps or of destinations, none of both.
  if (named.every(({ key }) => actionsOfApps.has(key) !== isOfApps)) return `its actions are not done to ${about}s`
  return null
}

const actionsOfApps: ReadonlySet<string> = new Set(['Action connect', 'Action request'])

/** `subject` is the only type that asks, or null when there are several. */
function isOutside({ type, uid, isExact }: Target, types: ReadonlySet<string>, subject: string | null): boolean {
  if (type !== null && (subject === null ? !types.has(type) : type !== subject)) return true
  if (uid === null) return false
  return isExact && subject !== null ? uid.type !== subject : !types.has(uid.type)
}

/** A wider policy of the same effect makes a narrower one pointless; a forbid makes permits dead. */
function shadowed(policies: readonly Policy[], above: Above): Finding[] {
  return shadows(policies, above).map(({ policy: { id, name, line, effect }, over }) => {
    const message =
      over.effect === effect ? `"${over.name}" already does all of it` : `"${over.name}" forbids all of it`
    return { kind: 'shadowed', message, policy: { id, name, line } }
  })
}

/** What people do with an app of each kind: other actions do not reach it. */
const actionsOfKind = { http: 'Action request', tcp: 'Action connect' } as const

/** Comparisons of permits with forbids over all apps, at most; beyond it forbids are not looked at. */
const maxForbidChecks = 2_000_000

function unreachable(policies: readonly Policy[], { apps, appKinds }: KnownNames, above: Above): Finding[] {
  if (apps === undefined) return []
  const permits = policies.filter((policy) => policy.effect === 'permit' && whyNever(policy) === null)
  const all = policies.filter(({ effect }) => effect === 'forbid')
  const forbids = apps.size * permits.length * all.length > maxForbidChecks ? [] : all
  const covers = coverageOf(above)
  const findings: Finding[] = []
  for (const name of apps.keys()) {
    const app: Target = { type: null, uid: new EntityUid('App', name), isExact: true }
    const kind = appKinds?.get(name)
    const isForIt = (policy: Policy) => coversTarget(policy.resource, app, above) && isAbout(policy, kind)
    const narrowed = permits.filter(isForIt).map((policy) => ({ ...policy, resource: app }))
    const open = narrowed.filter((permit) => !forbids.some((forbid) => covers(forbid, permit)))
    if (open.length > 0) continue
    const shown = `App ${JSON.stringify(name)}`
    const message =
      narrowed.length === 0
        ? `no policy permits anyone to reach ${shown}`
        : `nobody can reach ${shown}: whatever is permitted is forbidden`
    findings.push({ kind: 'unreachable-app', message, policy: null })
  }
  return findings
}

function isAbout({ action }: Policy, kind: 'http' | 'tcp' | undefined): boolean {
  if (kind === undefined || action.kind === 'any') return true
  const named = action.kind === 'exact' ? [action.action] : action.actions
  return named.some(({ key }) => key === actionsOfKind[kind])
}

function uidsIn(expression: Expression): EntityUid[] {
  switch (expression.kind) {
    case 'value':
      return uidsInValue(expression.value)
    case 'variable':
      return []
    case 'unary':
      return uidsIn(expression.arg)
    case 'binary':
      return [expression.left, expression.right].flatMap(uidsIn)
    case 'and':
    case 'or':
      return expression.parts.flatMap(uidsIn)
    case 'if':
      return [expression.test, expression.then, expression.otherwise].flatMap(uidsIn)
    case 'set':
      return expression.elements.flatMap(uidsIn)
    case 'record':
      return [...expression.fields.values()].flatMap(uidsIn)
    case 'attribute':
    case 'has':
    case 'like':
      return uidsIn(expression.left)
    case 'is':
      return [expression.left, ...(expression.within === null ? [] : [expression.within])].flatMap(uidsIn)
    case 'call':
      return expression.args.flatMap(uidsIn)
  }
}

function uidsInValue(value: Value): EntityUid[] {
  if (typeof value !== 'object') return []
  if (value.kind === 'entity') return [value]
  if (value.kind === 'set') return Array.from(value).flatMap(uidsInValue)
  return value.kind === 'record' ? [...value.fields.values()].flatMap(uidsInValue) : []
}
