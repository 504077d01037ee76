// Looks for policies that are valid and yet surely not meant: unknown names, policies that can never apply or change
// nothing, apps that nobody can reach. Findings are advice; must never change or refuse a policy.
import type { Expression } from '#core/policy/expression.ts'
import { readPolicy } from '#core/policy/policy-form.ts'
import { type Policy, readJson, type Target } from '#core/policy/policy.ts'
import { obligationNames } from '#core/policy/schema.ts'
import { EntityUid, type Value } from '#core/policy/value.ts'
import { contradictionIn } from './lint-contradiction.ts'
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
}

export type Finding = {
  readonly kind: 'unknown-name' | 'never-applies' | 'shadowed' | 'no-effect' | 'unreachable-app'
  readonly message: string
  /** null: about the set as a whole. */
  readonly policy: { readonly id: string; readonly name: string; readonly line: number | null } | null
}

/** Pairs compared for shadowing, at most: a bound on time for very large sets. */
const maxPairs = 4_000_000

export function lintPolicies(policies: readonly Policy[], known: KnownNames): readonly Finding[] {
  const findings: Finding[] = []
  for (const policy of policies) {
    const add = (kind: Finding['kind'], message: string): void => {
      findings.push({ kind, message, policy: { id: policy.id, name: policy.name, line: policy.line } })
    }
    const { conditions } = readPolicy(readJson(policy.source))
    const uids = [...targetUids(policy), ...conditions.flatMap(({ body }) => uidsIn(body))]
    for (const message of new Set(uids.flatMap((uid) => unknownName(uid, known)))) add('unknown-name', message)
    const contradiction = neverApplies(policy) ?? contradictionIn(conditions)
    if (contradiction !== null) add('never-applies', contradiction)
    const idle = obligationNames.filter((name) => policy.annotations.has(name))
    if (policy.effect === 'forbid' && idle.length > 0) add('no-effect', `@${idle.join(', @')} on a forbid does nothing`)
  }
  return [...findings, ...shadowed(policies), ...unreachable(policies, known)]
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

function neverApplies({ principal, action, resource }: Policy): string | null {
  if (action.kind === 'within' && action.actions.length === 0) return 'it names no action'
  if (isOutside(principal, principalTypes, 'User')) return 'no user can be its principal'
  if (isOutside(resource, resourceTypes, null)) return 'no app or destination can be its resource'
  return null
}

/** `subject` is the only type that asks, or null when there are several. */
function isOutside({ type, uid, isExact }: Target, types: ReadonlySet<string>, subject: string | null): boolean {
  if (type !== null && (subject === null ? !types.has(type) : type !== subject)) return true
  if (uid === null) return false
  return isExact && subject !== null ? uid.type !== subject : !types.has(uid.type)
}

/** A permit without conditions or obligations makes narrower ones pointless; such a forbid makes permits dead. */
function shadowed(policies: readonly Policy[]): Finding[] {
  const findings: Finding[] = []
  const wide = policies.filter(
    ({ condition, annotations }) => condition === null && !obligationNames.some((name) => annotations.has(name)),
  )
  if (wide.length * policies.length > maxPairs) return findings
  for (const [at, policy] of policies.entries()) {
    const over = wide.find((other) => {
      if (other === policy || !covers(other, policy)) return false
      if (other.effect !== policy.effect) return other.effect === 'forbid'
      // Of two equal ones only the later is shadowed; what carries obligations still adds them
      const hasDuties = obligationNames.some((name) => policy.annotations.has(name))
      return !hasDuties && (!covers(policy, other) || policy.condition !== null || policies.indexOf(other) < at)
    })
    if (over === undefined) continue
    const { id, name, line } = policy
    const message =
      over.effect === policy.effect ? `"${over.name}" already does all of it` : `"${over.name}" forbids all of it`
    findings.push({ kind: 'shadowed', message, policy: { id, name, line } })
  }
  return findings
}

/** True when every request in the scope of `narrow` is surely in that of `wide`, whatever the hierarchy. */
function covers(wide: Policy, narrow: Policy): boolean {
  return (
    coversTarget(wide.principal, narrow.principal) &&
    coversTarget(wide.resource, narrow.resource) &&
    coversAction(wide, narrow)
  )
}

function coversTarget(wide: Target, narrow: Target): boolean {
  if (wide.type !== null && wide.type !== narrow.type && !(narrow.isExact && narrow.uid?.type === wide.type))
    return false
  if (wide.uid === null) return true
  return wide.uid.key === narrow.uid?.key && (!wide.isExact || narrow.isExact)
}

function coversAction({ action: wide }: Policy, { action: narrow }: Policy): boolean {
  if (wide.kind === 'any') return true
  if (narrow.kind === 'any') return false
  const covered = new Set(wide.kind === 'exact' ? [wide.action.key] : wide.actions.map(({ key }) => key))
  const asked = narrow.kind === 'exact' ? [narrow.action] : narrow.actions
  // The product's actions have no groups, so `in` and `==` mean the same
  return asked.length > 0 && asked.every(({ key }) => covered.has(key))
}

function unreachable(policies: readonly Policy[], { apps, appGroups }: KnownNames): Finding[] {
  if (apps === undefined) return []
  const permits = policies.filter((policy) => policy.effect === 'permit' && neverApplies(policy) === null)
  const targets = new Set(
    permits.map(({ resource }) => resource.uid?.key ?? (resource.type === null || resource.type === 'App' ? '*' : '')),
  )
  if (targets.has('*')) return []
  const findings: Finding[] = []
  for (const [app, groups] of apps) {
    const keys = [
      new EntityUid('App', app).key,
      ...groups.filter((group) => appGroups?.has(group) ?? true).map((group) => new EntityUid('AppGroup', group).key),
    ]
    if (keys.some((key) => targets.has(key))) continue
    findings.push({
      kind: 'unreachable-app',
      message: `no policy permits anyone to reach App ${JSON.stringify(app)}`,
      policy: null,
    })
  }
  return findings
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
