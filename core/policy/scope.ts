// Hot path. What a compiled expression can see while it is evaluated, and the type checks that all operators share.
// Must never hold state between two evaluations.
import type { EntityNode, EntityStore } from './entity.ts'
import { failEvaluation } from './evaluation-error.ts'
import type { Request } from './request.ts'
import { type EntityUid, typeName, type Value } from './value.ts'

/** The nodes of principal and resource are looked up once per request. */
export type Scope = Request & {
  readonly entities: EntityStore
  readonly principalNode: EntityNode | undefined
  readonly resourceNode: EntityNode | undefined
}

/** Throws EvaluationError. */
export type Code = (scope: Scope) => Value

export function scopeOf(request: Request, entities: EntityStore): Scope {
  const { principal, action, resource, context } = request
  const principalNode = entities.get(principal.key)
  const resourceNode = entities.get(resource.key)
  return { principal, action, resource, context, entities, principalNode, resourceNode }
}

export function nodeOf(scope: Scope, uid: EntityUid): EntityNode | undefined {
  if (uid === scope.principal) return scope.principalNode
  if (uid === scope.resource) return scope.resourceNode
  return scope.entities.get(uid.key)
}

export function asBool(value: Value): boolean {
  return typeof value === 'boolean' ? value : wrongType('bool', value)
}

export function wrongType(wanted: string, found: Value): never {
  return failEvaluation(`type error: expected ${wanted}, got ${typeName(found)}`)
}
