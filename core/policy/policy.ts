// A compiled policy: its scope as plain keys and its conditions as one closure. Keeps the JSON form as text, which is
// several times smaller than the tree, for explaining. Must never change after it is made.
import { type Code, asBool } from './scope.ts'
import { type CodePool, compileExpression, compileShared } from './compile.ts'
import { hintOf, invalidPolicy, text } from './expression.ts'
import {
  type ActionScope,
  type EntityScope,
  type PolicyForm,
  readPolicy,
  type Slot,
  type SlotValues,
} from './policy-form.ts'
import { type EntityUid, EntityUid as Uid } from './value.ts'

export type PolicyDefinition = {
  readonly id: string
  /** What people call it: `@id`, or the document's name. */
  readonly name?: string | undefined
  /** Cedar's JSON form of the policy, or its text. */
  readonly est: unknown
  /** Where it stands in its document, from 1. */
  readonly line?: number | null | undefined
}

export type TemplateLink = {
  readonly id: string
  readonly name?: string | undefined
  readonly template: Template
  readonly values: SlotValues
}

/** A scope with its slots filled. */
export type Target = { readonly type: string | null; readonly uid: EntityUid | null; readonly isExact: boolean }

export type Policy = {
  readonly id: string
  readonly name: string
  readonly line: number | null
  readonly effect: 'permit' | 'forbid'
  readonly principal: Target
  readonly action: ActionScope
  readonly resource: Target
  /** null: no conditions. Throws EvaluationError. */
  readonly condition: Code | null
  readonly annotations: ReadonlyMap<string, string>
  /** The JSON form, as text. */
  readonly source: string
}

export type Template = PolicyDefinition & {
  readonly form: PolicyForm
  readonly condition: Code | null
  readonly source: string
}

const noAnnotations: ReadonlyMap<string, string> = new Map()

/** Throws `policy-invalid`. */
export function compilePolicy(definition: PolicyDefinition): Policy {
  return compileStatic(definition, { uids: new Map(), codes: null })
}

type Shared = { readonly uids: Map<string, EntityUid>; readonly codes: CodePool | null }

function compileStatic(definition: PolicyDefinition, shared: Shared): Policy {
  const template = templateOf(definition, shared.codes)
  if (template.form.slots.size > 0)
    throw invalidPolicy(`${quoted(definition.id)} is a template: it needs to be linked.`)
  return linked({ id: definition.id, name: definition.name, template, values: {} }, shared.uids)
}

/**
 * Compiles many policies, one by one; they share the names of entities and the conditions that they have in common,
 * which halves their memory. To be let go of when they are done. What it gives throws `policy-invalid`.
 */
export function policyCompiler(): (definition: PolicyDefinition) => Policy {
  const shared = { uids: new Map<string, EntityUid>(), codes: new Map() }
  return (definition) => compileStatic(definition, shared)
}

/** Throws `policy-invalid` for the first that is not valid. */
export function compilePolicies(definitions: Iterable<PolicyDefinition>): Policy[] {
  return Array.from(definitions, policyCompiler())
}

/** Throws `policy-invalid`. */
export function compileTemplate(definition: PolicyDefinition): Template {
  return templateOf(definition, null)
}

function templateOf(definition: PolicyDefinition, codes: CodePool | null): Template {
  try {
    text(definition.id)
    const est: unknown = typeof definition.est === 'string' ? readJson(definition.est) : definition.est
    const form = readPolicy(est)
    return { ...definition, form, condition: conditionCode(form, codes), source: writeJson(definition.est) }
  } catch (error) {
    throw invalidPolicy(`Policy ${quoted(definition.id)}: ${hintOf(error)}`, error)
  }
}

/** Links share the template's compiled conditions. Throws `policy-invalid` when a slot is missing or too many are given. */
export function linkTemplate(link: TemplateLink): Policy {
  return linked(link, new Map())
}

function linked({ id, name, template, values }: TemplateLink, shared: Map<string, EntityUid>): Policy {
  const { form } = template
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  if (given.length !== form.slots.size || !given.every(([slot]) => form.slots.has(slot as Slot))) {
    throw invalidPolicy(`Policy ${quoted(id)}: it needs exactly the slots ${[...form.slots].join(', ') || '(none)'}.`)
  }
  return {
    id: text(id),
    name: name ?? form.annotations.get('id') ?? template.name ?? id,
    line: template.line ?? null,
    effect: form.effect,
    principal: target(form.principal, values, shared),
    action: sharedAction(form.action, shared),
    resource: target(form.resource, values, shared),
    condition: template.condition,
    annotations: form.annotations.size === 0 ? noAnnotations : form.annotations,
    source: template.source,
  }
}

function sharedAction(action: ActionScope, shared: Map<string, EntityUid>): ActionScope {
  if (action.kind !== 'exact') return action
  return { kind: 'exact', action: shared.getOrInsert(action.action.key, action.action) }
}

function target(scope: EntityScope, values: SlotValues, shared: Map<string, EntityUid>): Target {
  const fill = (uid: EntityUid | Slot): EntityUid => {
    const filled = uid instanceof Uid ? uid : values[uid]
    if (filled === undefined) throw invalidPolicy('A slot has no value.')
    return shared.getOrInsert(filled.key, filled)
  }
  if (scope.exact !== null) return { type: null, uid: fill(scope.exact), isExact: true }
  return { type: scope.type, uid: scope.within === null ? null : fill(scope.within), isExact: false }
}

function conditionCode({ conditions }: PolicyForm, pool: CodePool | null): Code | null {
  const codes = conditions.map(({ kind, body }) => ({
    isUnless: kind === 'unless',
    code: pool === null ? compileExpression(body) : compileShared(body, pool),
  }))
  const [first] = codes
  if (first === undefined) return null
  if (codes.length === 1) return first.isUnless ? (scope) => !asBool(first.code(scope)) : first.code
  return (scope) => {
    for (const { isUnless, code } of codes) if (asBool(code(scope)) === isUnless) return false
    return true
  }
}

/** JSON with integers beyond 53 bits kept exact. */
export function readJson(json: string): unknown {
  const isRisky = /[0-9]{16}/.test(json)
  return JSON.parse(json, isRisky ? exactIntegers : undefined)
}

function exactIntegers(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source ?? ''
  return /^-?[0-9]+$/.test(source) ? BigInt(source) : value
}

/** The replacer makes it three times slower and is hardly ever needed. */
function writeJson(est: unknown): string {
  if (typeof est === 'string') return est
  try {
    return JSON.stringify(est)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return JSON.stringify(est, (_key, value: unknown) => {
      return typeof value === 'bigint' ? { __long: value.toString() } : value
    })
  }
}

function quoted(id: string): string {
  return JSON.stringify(String(id).slice(0, 100))
}
