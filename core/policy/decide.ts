// The product's decision: may this user do this to this resource now? Deny by default; a decision is a value with a
// closed set of reasons. The walls before policy (suspended tenant, ended session …) are the exchange's and use the same
// type. Must never allow without a permit that applies; a policy that fails is dropped and reported, as in Cedar.
import { destinationEntity } from './directory.ts'
import type { EntityStore } from './entity.ts'
import { evaluatePolicies, type PolicyError } from './evaluate.ts'
import { explainDenial, type Missing, type PolicyRef, refOf } from './explain.ts'
import type { Policy } from './policy.ts'
import type { PolicySet } from './policy-set.ts'
import type { Request } from './request.ts'
import { type AuthorizationFacts, requestOf } from './request-facts.ts'
import { obligationNames, type ObligationName } from './schema.ts'

export type { PolicyError } from './evaluate.ts'
export type { Missing, PolicyRef } from './explain.ts'
export type { AuthorizationFacts } from './request-facts.ts'

export const denyReasons = [
  'tenant-suspended',
  'user-disabled',
  'session-ended',
  'session-expired',
  'device-revoked',
  'device-required',
  'contained',
  'proof-needed',
  'restricted',
  'outside-contract',
  'app-not-in-contract',
  'app-disabled',
  'app-unknown',
  'snapshot-stale',
  'path-not-allowed',
  'no-policy',
  'forbidden',
  'journal-full',
  'no-connector',
  'destination-refused',
  'certificate-untrusted',
  'content-refused',
  'reason-needed',
] as const
export type DenyReason = (typeof denyReasons)[number]

export type Obligation = { readonly name: ObligationName; readonly value: string; readonly policy: PolicyRef }

export type Allow = {
  readonly kind: 'allow'
  readonly policies: readonly PolicyRef[]
  readonly obligations: readonly Obligation[]
  readonly errors: readonly PolicyError[]
}
export type Deny = {
  readonly kind: 'deny'
  readonly reason: DenyReason
  readonly policies: readonly PolicyRef[]
  /** Worked out when first read, and not at all when nobody reads it. */
  readonly missing: readonly Missing[]
  readonly errors: readonly PolicyError[]
}
export type Decision = Allow | Deny

const none: readonly never[] = []

/** Throws `request-malformed` when a fact is not of its kind. */
export function decidePolicy(policies: PolicySet, entities: EntityStore, facts: AuthorizationFacts): Decision {
  const { resource } = facts
  const known =
    resource.kind === 'app' ? entities : entities.beside(destinationEntity(resource.host, resource.categories ?? []))
  return decideRequest(policies, known, requestOf(facts))
}

export function decideRequest(policies: PolicySet, entities: EntityStore, request: Request): Decision {
  const { decision, determining, errors } = evaluatePolicies(policies, request, entities)
  const refs = determining.map(refOf)
  if (decision === 'allow') return { kind: 'allow', policies: refs, obligations: obligationsOf(determining), errors }
  if (determining.length > 0) return { kind: 'deny', reason: 'forbidden', policies: refs, missing: none, errors }
  return new NothingPermits(policies, request, entities, errors)
}

/** `missing` stands on the class: it is not copied and not written as JSON by accident, only read on purpose. */
class NothingPermits implements Deny {
  readonly kind = 'deny'
  readonly reason = 'no-policy'
  readonly policies = none
  readonly errors: readonly PolicyError[]
  readonly #explain: () => readonly Missing[]
  #missing: readonly Missing[] | null = null

  constructor(policies: PolicySet, request: Request, entities: EntityStore, errors: readonly PolicyError[]) {
    this.errors = errors
    this.#explain = () => explainDenial(policies, request, entities)
  }

  get missing(): readonly Missing[] {
    return (this.#missing ??= this.#explain())
  }
}

/** A denial that no policy made. */
export function deny(reason: DenyReason): Deny {
  return { kind: 'deny', reason, policies: none, missing: none, errors: none }
}

/** Every allowing policy's obligations hold: the strictest reading when several policies allow. */
function obligationsOf(policies: readonly Policy[]): readonly Obligation[] {
  const obligations: Obligation[] = []
  for (const policy of policies) {
    if (policy.annotations.size === 0) continue
    for (const name of obligationNames) {
      const value = policy.annotations.get(name)
      if (value !== undefined && value !== 'false')
        obligations.push({ name, value: value || 'true', policy: refOf(policy) })
    }
  }
  return obligations.length === 0 ? none : obligations
}
