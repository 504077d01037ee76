// Parses, validates and compiles a set of policies with the official engine. Runs inside the disposable worker; what
// it returns is plain data. Must never be called on a thread that carries traffic.
import { Fault } from '#core/fault.ts'
import { hintOf } from '#core/policy/expression.ts'
import { compileTemplate } from '#core/policy/policy.ts'
import { knownAnnotations } from '#core/policy/schema.ts'
import { maxBracketNesting, maxPolicyCount, maxPolicyTextBytes, maxSchemaTextBytes } from './caps.ts'
import { isNestedDeeper, offsetOfByte, placeOf, type PolicyText, splitPolicies } from './policy-text.ts'
import type { CedarEngine } from './wasm.ts'

export type PolicyDocument = { readonly name: string; readonly text: string }

export type CheckedPolicy = {
  /** The document's name, with `.n` when it holds several policies; `policyN` for bare text. N counts by position. */
  readonly id: string
  /** `@id` when given, else the id. */
  readonly name: string
  /** Cedar's JSON form; integers beyond 53 bits as `{"__long": digits}`. */
  readonly est: unknown
  readonly annotations: Readonly<Record<string, string>>
  readonly document: string
  /** Where the policy begins in its document, from 1. */
  readonly line: number
  readonly isTemplate: boolean
}

export type CheckProblem = {
  readonly message: string
  readonly policy?: string
  readonly document?: string
  readonly line: number | null
  readonly column: number | null
}

export type CheckResult =
  | { readonly ok: true; readonly policies: readonly CheckedPolicy[]; readonly warnings: readonly CheckProblem[] }
  | { readonly ok: false; readonly errors: readonly CheckProblem[] }

/** `schema` null: parsed only, not validated. */
export type CheckInput = { readonly documents: string | readonly PolicyDocument[]; readonly schema: string | null }

type Numbered = PolicyText & { readonly id: string; readonly document: PolicyDocument }
type Detail = {
  readonly message: string
  readonly help?: string | null
  readonly sourceLocations?: readonly { readonly start: number; readonly end: number }[]
}

/** Errors shown at most; a broken file should not answer with a megabyte. */
const maxErrors = 50
/** UTF-16 units of one message: the engine writes nested types out in full. */
const maxMessageLength = 500

/** Size alone: cheap enough for the caller's thread, before a worker is spent. */
export function refuseBySize({ documents, schema }: CheckInput): readonly CheckProblem[] {
  const nowhere = { line: null, column: null }
  const list = listOf(documents)
  const bytes = list.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
  if (bytes > maxPolicyTextBytes)
    return [{ message: `the policies are larger than ${maxPolicyTextBytes} bytes`, ...nowhere }]
  if (list.length > maxPolicyCount) return [{ message: `there are more than ${maxPolicyCount} documents`, ...nowhere }]
  const isSchemaLarge = schema !== null && Buffer.byteLength(schema) > maxSchemaTextBytes
  return isSchemaLarge ? [{ message: `the schema is larger than ${maxSchemaTextBytes} bytes`, ...nowhere }] : []
}

/** Everything that must be refused before the official engine sees it. */
function refuseEarly(input: CheckInput): readonly CheckProblem[] {
  const errors: CheckProblem[] = [...refuseBySize(input)]
  if (errors.length > 0) return errors
  for (const document of listOf(input.documents)) {
    const split = splitPolicies(document.text)
    if (split.kind === 'refused') errors.push(problemIn(document, split.problem.message, split.problem.offset))
  }
  if (input.schema !== null && isNestedDeeper(input.schema, maxBracketNesting)) {
    errors.push({ message: 'the schema is nested too deeply', line: null, column: null })
  }
  return errors.slice(0, maxErrors)
}

export function check(cedar: CedarEngine, input: CheckInput): CheckResult {
  const early = refuseEarly(input)
  if (early.length > 0) return { ok: false, errors: early }
  const errors: CheckProblem[] = []
  const numbered = listOf(input.documents).flatMap((document) => number(document, typeof input.documents === 'string'))
  if (numbered.length > maxPolicyCount) {
    return {
      ok: false,
      errors: [{ message: `there are more than ${maxPolicyCount} policies`, line: null, column: null }],
    }
  }
  const seen = new Set<string>()
  const policies: CheckedPolicy[] = []
  for (const each of numbered) {
    if (seen.has(each.id))
      errors.push(problemIn(each.document, `two policies have the name "${each.id}"`, each.start, each.id))
    seen.add(each.id)
    const checked = readOne(cedar, each)
    if ('message' in checked) errors.push(checked)
    else policies.push(checked)
    if (errors.length >= maxErrors) break
  }
  if (errors.length > 0) return { ok: false, errors }
  if (input.schema === null) return { ok: true, policies, warnings: [] }
  return validated(cedar, numbered, policies, input.schema)
}

function listOf(documents: CheckInput['documents']): readonly PolicyDocument[] {
  return typeof documents === 'string' ? [{ name: 'policy', text: documents }] : documents
}

function number(document: PolicyDocument, isBare: boolean): Numbered[] {
  const split = splitPolicies(document.text)
  if (split.kind === 'refused') return []
  return split.policies.map((policy, at) => {
    const id = isBare ? `policy${at}` : split.policies.length === 1 ? document.name : `${document.name}.${at}`
    return { ...policy, id, document }
  })
}

function readOne(cedar: CedarEngine, each: Numbered): CheckedPolicy | CheckProblem {
  const answer = each.isTemplate ? cedar.templateToJson(each.text) : cedar.policyToJson(each.text)
  if (answer.type === 'failure') return problemOf(each, answer.errors[0] ?? { message: 'it cannot be parsed' })
  const est = answer.json
  try {
    const { form } = compileTemplate({ id: each.id, est })
    const annotations = Object.fromEntries(form.annotations)
    return {
      id: each.id,
      name: form.annotations.get('id') || each.id,
      est,
      annotations,
      document: each.document.name,
      line: each.line,
      isTemplate: each.isTemplate,
    }
  } catch (error) {
    return problemIn(each.document, hintOf(error), each.start, each.id)
  }
}

function validated(
  cedar: CedarEngine,
  numbered: readonly Numbered[],
  policies: readonly CheckedPolicy[],
  schema: string,
): CheckResult {
  const texts = (isTemplate: boolean): Record<string, string> =>
    Object.fromEntries(numbered.filter((each) => each.isTemplate === isTemplate).map(({ id, text }) => [id, text]))
  const answer = cedar.validate({
    schema: schemaOf(schema),
    policies: { staticPolicies: texts(false), templates: texts(true) },
  })
  if (answer.type === 'failure') {
    return { ok: false, errors: answer.errors.map(({ message }) => ({ message, line: null, column: null })) }
  }
  const byId = new Map(numbered.map((each) => [each.id, each]))
  const placed = ({ policyId, error }: { readonly policyId: string; readonly error: Detail }): CheckProblem => {
    const each = byId.get(policyId)
    return each === undefined ? { message: error.message, line: null, column: null } : problemOf(each, error)
  }
  // The engine's order is by id as text; ours is by position
  const position = new Map(numbered.map(({ id }, at) => [id, at]))
  const sorted = <T extends { readonly policyId: string }>(list: readonly T[]): readonly T[] =>
    list.toSorted((left, right) => (position.get(left.policyId) ?? 0) - (position.get(right.policyId) ?? 0))
  const errors = onePerPlace(sorted(answer.validationErrors).map(placed)).slice(0, maxErrors)
  if (errors.length > 0) return { ok: false, errors }
  const warnings = onePerPlace(sorted(answer.validationWarnings).map(placed)).slice(0, maxErrors)
  return { ok: true, policies, warnings: [...warnings, ...unknownAnnotations(policies)] }
}

/** The engine repeats a mistake for every action that the policy could mean. */
function onePerPlace(problems: readonly CheckProblem[]): CheckProblem[] {
  const seen = new Set<string>()
  return problems.filter(({ policy, line, column }) => {
    const place = `${line} ${column} ${policy}`
    return seen.has(place) ? false : seen.add(place)
  })
}

/** A misspelt obligation would silently do nothing. */
function unknownAnnotations(policies: readonly CheckedPolicy[]): CheckProblem[] {
  return policies.flatMap(({ id, document, line, annotations }) =>
    Object.keys(annotations)
      .filter((name) => !knownAnnotations.includes(name))
      .map((name) => ({
        message: `the annotation @${name} has no meaning here`,
        policy: id,
        document,
        line,
        column: null,
      })),
  )
}

/** Human syntax, or JSON when it begins with a brace. Throws `policy-invalid`. */
export function schemaOf(text: string): Parameters<CedarEngine['validate']>[0]['schema'] {
  if (!text.trimStart().startsWith('{')) return text
  try {
    return JSON.parse(text) as Parameters<CedarEngine['validate']>[0]['schema']
  } catch (error) {
    throw new Fault('policy-invalid', { hint: 'The schema is not JSON.', cause: error })
  }
}

function problemOf(each: Numbered, error: Detail): CheckProblem {
  const place = error.sourceLocations?.[0]
  const offset = each.start + (place === undefined ? 0 : offsetOfByte(each.text, place.start))
  // The engine repeats the id and what it was doing; the place says that already
  const message = error.message
    .replace(/^failed to parse (?:policy|template)(?: from string)?: /, '')
    .replace(/^for policy `[^`]*`, /, '')
  return problemIn(each.document, error.help ? `${message} (${error.help})` : message, offset, each.id)
}

function problemIn(document: PolicyDocument, message: string, offset: number, policy?: string): CheckProblem {
  const place = placeOf(document.text, offset)
  const shown = message.length <= maxMessageLength ? message : `${message.slice(0, maxMessageLength)}…`
  return {
    message: shown,
    ...(policy === undefined ? {} : { policy }),
    document: document.name,
    ...place,
  }
}
