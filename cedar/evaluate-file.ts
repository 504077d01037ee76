// `sallyport policy eval`: one request against files of policies and entities, by either engine. Reads files and gives
// a result; must never print.
import { readFile, stat } from 'node:fs/promises'
import { Fault } from '#core/fault.ts'
import { EntityStore } from '#core/policy/entity.ts'
import { evaluate, type PolicyError } from '#core/policy/evaluate.ts'
import { readJson } from '#core/policy/policy.ts'
import { PolicySet } from '#core/policy/policy-set.ts'
import { isObject, own, readEntities, readRecord, readUid } from '#core/policy/value-json.ts'
import { maxInputFileBytes } from './caps.ts'
import { type PolicyChecker, startPolicyChecker } from './checker.ts'
import type { UidJson } from './official.ts'
import { type PolicySource, readPolicySource } from './policy-source.ts'
import { SchemaValues } from './schema-values.ts'
import { parseUidText } from './uid-text.ts'

export type EvaluateFiles = {
  readonly policies: string
  readonly entities: string
  readonly request: string
  /** Cedar's schema as text or JSON. */
  readonly schema?: string
  readonly engine?: 'compiled' | 'official'
}

/** Ids in the order of the policies. */
export type FileAnswer = {
  readonly decision: 'allow' | 'deny'
  readonly reasons: readonly string[]
  readonly errors: readonly string[]
  readonly messages: readonly PolicyError[]
}

export type Question = {
  readonly principal: UidJson
  readonly action: UidJson
  readonly resource: UidJson
  readonly context: unknown
}

/** Throws `policy-invalid`, `document-invalid` or `not-found`, with the file and the place. */
export async function evaluateFile(files: EvaluateFiles): Promise<FileAnswer> {
  await using checker = startPolicyChecker()
  const source = await readPolicySource(checker, await readInput(files.policies))
  const entities = parseFile(files.entities, await readInput(files.entities))
  const question = readQuestion(parseFile(files.request, await readInput(files.request)))
  const schema = files.schema === undefined ? null : await readInput(files.schema)
  if (files.engine === 'official') return await askOfficialEngine(checker, source, entities, question, schema)
  const world = await loadWorld(checker, source, entities, schema)
  return await world.ask(question)
}

/** Asks the compiled engine about one set of policies and entities. */
export type World = { ask(question: Question): Promise<FileAnswer> }

/** Reads entities once, for any number of questions. Throws `document-invalid`. */
export async function loadWorld(
  checker: PolicyChecker,
  source: PolicySource,
  entities: unknown,
  schema: string | null,
): Promise<World> {
  const values = schema === null ? null : new SchemaValues(await checker.schemaJson(schema))
  if (schema !== null) await checker.checkEntities(entities, schema)
  const store = EntityStore.of(values === null ? readEntities(entities) : values.readEntities(entities))
  const policies = PolicySet.of(source.compiled)
  return {
    async ask({ principal, action, resource, context }) {
      if (schema !== null) await checker.checkContext(context, action, schema)
      const uid = readUid(action, 'action')
      const request = {
        principal: readUid(principal, 'principal'),
        action: uid,
        resource: readUid(resource, 'resource'),
        context: values === null ? readRecord(context, 'context') : values.readContext(context, uid),
      }
      const { decision, reasons, errors } = evaluate(policies, request, store)
      return { decision, reasons, errors: errors.map(({ policyId }) => policyId), messages: errors }
    },
  }
}

async function askOfficialEngine(
  checker: PolicyChecker,
  { compiled, official }: PolicySource,
  entities: unknown,
  question: Question,
  schema: string | null,
): Promise<FileAnswer> {
  const answer = await checker.ask({
    ...question,
    entities,
    policies: official,
    ...(schema === null ? {} : { schema }),
  })
  if ('failure' in answer) throw new Fault('document-invalid', { hint: answer.failure })
  const position = new Map(compiled.map(({ id }, at) => [id, at]))
  const inOrder = (ids: readonly string[]): string[] =>
    ids.toSorted((left, right) => (position.get(left) ?? 0) - (position.get(right) ?? 0))
  const errors = inOrder(answer.errors.map(({ policyId }) => policyId))
  return { decision: answer.decision, reasons: inOrder(answer.reasons), errors, messages: answer.errors }
}

export function readQuestion(json: unknown): Question {
  if (!isObject(json)) throw new Fault('document-invalid', { hint: 'The request is not an object.' })
  const uid = (name: string): UidJson => {
    const given = own(json, name)
    if (typeof given === 'string') return parseUidText(given)
    const { type, id } = readUid(given, name)
    return { type, id }
  }
  return {
    principal: uid('principal'),
    action: uid('action'),
    resource: uid('resource'),
    context: own(json, 'context') ?? {},
  }
}

/** Throws `not-found` or `document-invalid`. */
export async function readInput(path: string): Promise<string> {
  let bytes: Buffer
  try {
    const { size } = await stat(path)
    if (size > maxInputFileBytes)
      throw new Fault('document-invalid', { hint: `${path} is larger than ${maxInputFileBytes} bytes.` })
    bytes = await readFile(path)
  } catch (error) {
    if (error instanceof Fault) throw error
    throw new Fault('not-found', { hint: `${path} cannot be read.`, cause: error })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new Fault('document-invalid', { hint: `${path} is not UTF-8 text.`, cause: error })
  }
}

export function parseFile(path: string, text: string): unknown {
  try {
    return readJson(text)
  } catch (error) {
    throw new Fault('document-invalid', {
      hint: `${path}: ${error instanceof Error ? error.message : 'not JSON'}`,
      cause: error,
    })
  }
}
