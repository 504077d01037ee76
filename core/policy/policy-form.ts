// One policy or template read from Cedar's JSON form: effect, scope, conditions, annotations. Strict: an unknown key or
// shape is `policy-invalid`. Must never decide anything.
import { maxAnnotations, maxExpressionNodes } from './caps.ts'
import { type Expression, fieldsOf, hintOf, invalidPolicy, readExpression, text } from './expression.ts'
import { isActionType, isObject, isTypeName, own, readUid } from './value-json.ts'
import type { EntityUid } from './value.ts'

export type Slot = '?principal' | '?resource'
export type SlotValues = { readonly [slot in Slot]?: EntityUid | undefined }

/** Who or what a policy is about. `within` and `exact` are null when any will do. */
export type EntityScope = {
  readonly type: string | null
  readonly exact: EntityUid | Slot | null
  readonly within: EntityUid | Slot | null
}

export type ActionScope =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact'; readonly action: EntityUid }
  | { readonly kind: 'within'; readonly actions: readonly EntityUid[] }

export type Condition = { readonly kind: 'when' | 'unless'; readonly body: Expression }

export type PolicyForm = {
  readonly effect: 'permit' | 'forbid'
  readonly principal: EntityScope
  readonly action: ActionScope
  readonly resource: EntityScope
  readonly conditions: readonly Condition[]
  readonly annotations: ReadonlyMap<string, string>
  readonly slots: ReadonlySet<Slot>
}

const keys = ['effect', 'principal', 'action', 'resource', 'conditions']

/** Throws `policy-invalid`. */
export function readPolicy(json: unknown): PolicyForm {
  const withNotes = isObject(json) && Object.hasOwn(json, 'annotations')
  const form = fieldsOf('policy', json, withNotes ? [...keys, 'annotations'] : keys)
  const effect = form['effect']
  if (effect !== 'permit' && effect !== 'forbid') throw invalidPolicy('The effect is neither permit nor forbid.')
  const slots = new Set<Slot>()
  const conditions = form['conditions']
  if (!Array.isArray(conditions)) throw invalidPolicy('The conditions are not a list.')
  const reading = { nodes: maxExpressionNodes }
  return {
    effect,
    principal: readEntityScope(form['principal'], '?principal', slots),
    action: readActionScope(form['action']),
    resource: readEntityScope(form['resource'], '?resource', slots),
    conditions: conditions.map((condition): Condition => {
      const { kind, body } = fieldsOf('condition', condition, ['kind', 'body'])
      if (kind !== 'when' && kind !== 'unless') throw invalidPolicy('A condition is neither when nor unless.')
      return { kind, body: readExpression(body, reading) }
    }),
    annotations: readAnnotations(withNotes ? form['annotations'] : {}),
    slots,
  }
}

function readEntityScope(json: unknown, slot: Slot, slots: Set<Slot>): EntityScope {
  if (!isObject(json)) throw invalidPolicy('A scope is not an object.')
  const target = (holder: unknown, others: readonly string[]): EntityUid | Slot => {
    if (isObject(holder) && Object.hasOwn(holder, 'slot')) {
      if (fieldsOf('scope', holder, ['slot', ...others])['slot'] !== slot) throw invalidPolicy('There is no such slot.')
      slots.add(slot)
      return slot
    }
    return readPolicyUid(fieldsOf('scope', holder, ['entity', ...others])['entity'])
  }
  switch (own(json, 'op')) {
    case 'All':
      fieldsOf('scope', json, ['op'])
      return { type: null, exact: null, within: null }
    case '==':
      return { type: null, exact: target(json, ['op']), within: null }
    case 'in':
      return { type: null, exact: null, within: target(json, ['op']) }
    case 'is': {
      const hasIn = Object.hasOwn(json, 'in')
      const type = fieldsOf('scope', json, hasIn ? ['op', 'entity_type', 'in'] : ['op', 'entity_type'])['entity_type']
      if (typeof type !== 'string' || !isTypeName(type)) throw invalidPolicy('A scope names no entity type.')
      return { type, exact: null, within: hasIn ? target(json['in'], []) : null }
    }
    default:
      throw invalidPolicy('A scope has no known operator.')
  }
}

function readActionScope(json: unknown): ActionScope {
  if (!isObject(json)) throw invalidPolicy('The action scope is not an object.')
  switch (own(json, 'op')) {
    case 'All':
      fieldsOf('action', json, ['op'])
      return { kind: 'any' }
    case '==':
      return { kind: 'exact', action: readActionUid(fieldsOf('action', json, ['op', 'entity'])['entity']) }
    case 'in': {
      if (Object.hasOwn(json, 'entity')) {
        return { kind: 'within', actions: [readActionUid(fieldsOf('action', json, ['op', 'entity'])['entity'])] }
      }
      const entities = fieldsOf('action', json, ['op', 'entities'])['entities']
      if (!Array.isArray(entities)) throw invalidPolicy('The actions are not a list.')
      if (entities.length > maxExpressionNodes) throw invalidPolicy(`It names more than ${maxExpressionNodes} actions.`)
      return { kind: 'within', actions: entities.map(readActionUid) }
    }
    default:
      throw invalidPolicy('The action scope has no known operator.')
  }
}

/** An annotation without a value is `null` in Cedar's form, and the empty text here. */
function readAnnotations(json: unknown): ReadonlyMap<string, string> {
  if (!isObject(json)) throw invalidPolicy('The annotations are not an object.')
  const names = Object.keys(json)
  if (names.length > maxAnnotations) throw invalidPolicy(`It has more than ${maxAnnotations} annotations.`)
  for (const name of names) {
    if (name.length > 1_024 || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw invalidPolicy('The name of an annotation is malformed.')
  }
  return new Map(names.map((name) => [name, json[name] === null ? '' : text(json[name])]))
}

function readActionUid(json: unknown): EntityUid {
  const uid = readPolicyUid(json)
  if (!isActionType(uid.type)) throw invalidPolicy(`${uid} is not an action.`)
  return uid
}

function readPolicyUid(json: unknown): EntityUid {
  try {
    return readUid(json, 'scope')
  } catch (error) {
    throw invalidPolicy(hintOf(error), error)
  }
}
