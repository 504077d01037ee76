// The official engine's answer to a request, in the shape of core/policy's. The oracle of tests and of
// `--engine official`; never on the way of traffic.
import type { Answer, PolicyError } from '#core/policy/evaluate.ts'
import { withRawLongs } from './json-exact.ts'
import type { CedarEngine } from './wasm.ts'

export type UidJson = { readonly type: string; readonly id: string }

export type OfficialPolicies = {
  /** Text, or by id text or JSON form. */
  readonly staticPolicies: string | Readonly<Record<string, unknown>>
  readonly templates?: Readonly<Record<string, unknown>>
  readonly templateLinks?: readonly {
    readonly templateId: string
    readonly newId: string
    readonly values: Readonly<Record<string, UidJson>>
  }[]
}

export type OfficialCall = {
  readonly principal: UidJson
  readonly action: UidJson
  readonly resource: UidJson
  readonly context: unknown
  readonly entities: unknown
  readonly policies: OfficialPolicies
  readonly schema?: unknown
  /** Whether the request itself must fit the schema. */
  readonly isRequestValidated?: boolean
}

export type OfficialAnswer = Answer | { readonly failure: string }

/** Integers may be numbers or bigints. Throws when the engine dies. */
export function askOfficial(cedar: CedarEngine, call: OfficialCall): OfficialAnswer {
  const { schema, isRequestValidated = false, ...rest } = call
  const full = { ...rest, ...(schema === undefined ? {} : { schema, validateRequest: isRequestValidated }) }
  const answer = cedar.isAuthorized(withRawLongs(full) as Parameters<CedarEngine['isAuthorized']>[0])
  if (answer.type === 'failure') return { failure: answer.errors.map(({ message }) => message).join('; ') }
  const { decision, diagnostics } = answer.response
  const errors = diagnostics.errors.map(({ policyId, error }): PolicyError => ({ policyId, message: error.message }))
  return { decision, reasons: diagnostics.reason.toSorted(), errors }
}

/** Why the entities do not fit the schema; null when they do. */
export function entitiesProblem(cedar: CedarEngine, entities: unknown, schema: unknown): string | null {
  type Call = Parameters<CedarEngine['checkParseEntities']>[0]
  return problemOf(cedar.checkParseEntities(withRawLongs({ entities, schema }) as Call))
}

/** Why the context does not fit what the schema says of the action; null when it does. */
export function contextProblem(cedar: CedarEngine, context: unknown, action: UidJson, schema: unknown): string | null {
  type Call = Parameters<CedarEngine['checkParseContext']>[0]
  return problemOf(cedar.checkParseContext(withRawLongs({ context, action, schema }) as Call))
}

function problemOf(answer: ReturnType<CedarEngine['checkParseContext']>): string | null {
  return answer.type === 'failure' ? answer.errors.map(({ message }) => message).join('; ') : null
}

/** Whether the policies pass the strict validator. Throws when they cannot be read. */
export function validityOf(cedar: CedarEngine, policies: OfficialPolicies, schema: unknown): boolean {
  const call = withRawLongs({ policies, schema }) as Parameters<CedarEngine['validate']>[0]
  const answer = cedar.validate(call)
  if (answer.type === 'failure') throw new Error(answer.errors.map(({ message }) => message).join('; '))
  return answer.validationErrors.length === 0
}

/** A set parsed once and asked often, as the benchmark and the differential tests need it. */
export function prepareOfficial(cedar: CedarEngine, name: string, policies: OfficialPolicies): string | null {
  const answer = cedar.preparsePolicySet(
    name,
    withRawLongs(policies) as Parameters<CedarEngine['preparsePolicySet']>[1],
  )
  return answer.type === 'failure' ? answer.errors.map(({ message }) => message).join('; ') : null
}

/** `entities` must have gone through `withRawLongs` already: they are the same for many questions. */
export function askPrepared(
  cedar: CedarEngine,
  name: string,
  call: Pick<OfficialCall, 'principal' | 'action' | 'resource' | 'context' | 'entities'>,
): OfficialAnswer {
  const context = withRawLongs(call.context)
  const full = { ...call, context, preparsedPolicySetId: name, validateRequest: false }
  const answer = cedar.statefulIsAuthorized(full as Parameters<CedarEngine['statefulIsAuthorized']>[0])
  if (answer.type === 'failure') return { failure: answer.errors.map(({ message }) => message).join('; ') }
  const { decision, diagnostics } = answer.response
  const errors = diagnostics.errors.map(({ policyId, error }): PolicyError => ({ policyId, message: error.message }))
  return { decision, reasons: diagnostics.reason.toSorted(), errors }
}
