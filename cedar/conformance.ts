// `sallyport policy conformance DIR`: Cedar's public integration tests against the compiled engine. Every *.json below
// DIR with a "requests" list is a test; paths in it are relative to DIR and may not leave it. Must never count a request
// as equal that was not decided.
import { readdir, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { Fault } from '#core/fault.ts'
import { isObject, type JsonObject, own } from '#core/policy/value-json.ts'
import { maxConformanceFiles } from './caps.ts'
import { type PolicyChecker, startPolicyChecker } from './checker.ts'
import { loadWorld, parseFile, readInput, readQuestion, type World } from './evaluate-file.ts'
import type { OfficialPolicies } from './official.ts'
import { readPolicySource } from './policy-source.ts'

export type ConformanceEntry = {
  readonly file: string
  readonly description: string
  readonly outcome: 'equal' | 'different' | 'not-run'
  /** What differed, or why it was not run. */
  readonly detail: string
}

export type ConformanceReport = {
  readonly equal: number
  readonly different: number
  readonly notRun: number
  /** Everything that is not equal. */
  readonly entries: readonly ConformanceEntry[]
  /** `N equal, N different, N not run` */
  readonly summary: string
}

export type ConformanceOptions = {
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

export async function runConformance(directory: string, options: ConformanceOptions = {}): Promise<ConformanceReport> {
  const root = await realpath(directory).catch((error: unknown) => {
    throw new Fault('not-found', { hint: `${directory} cannot be read.`, cause: error })
  })
  const files = await jsonFiles(root)
  const tally = { equal: 0, different: 0, 'not-run': 0 }
  const entries: ConformanceEntry[] = []
  await using checker = startPolicyChecker()
  for (const [at, file] of files.entries()) {
    options.signal?.throwIfAborted()
    for (const entry of await runFile(checker, root, file)) {
      tally[entry.outcome]++
      if (entry.outcome !== 'equal') entries.push(entry)
    }
    options.onProgress?.(at + 1, files.length)
  }
  const summary = `${tally.equal} equal, ${tally.different} different, ${tally['not-run']} not run`
  return { equal: tally.equal, different: tally.different, notRun: tally['not-run'], entries, summary }
}

async function jsonFiles(root: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.json')) continue
    found.push(join(entry.parentPath, entry.name))
    if (found.length > maxConformanceFiles)
      throw new Fault('document-invalid', { hint: `More than ${maxConformanceFiles} files.` })
  }
  return found.toSorted()
}

async function runFile(checker: PolicyChecker, root: string, file: string): Promise<ConformanceEntry[]> {
  const name = relative(root, file)
  let test: unknown
  try {
    test = parseFile(name, await readInput(file))
  } catch (error) {
    return [{ file: name, description: '', outcome: 'not-run', detail: messageOf(error) }]
  }
  const requests = isObject(test) ? own(test, 'requests') : undefined
  // Entities, schemas and policies in JSON lie beside the tests
  if (!isObject(test) || !Array.isArray(requests)) return []
  let run: (request: unknown) => Promise<ConformanceEntry>
  const entries: ConformanceEntry[] = []
  try {
    const prepared = await prepare(checker, root, test)
    const validity = await compareValidity(checker, prepared, name)
    if (validity !== null) entries.push(validity)
    run = (request) => runRequest(prepared.world, name, request)
  } catch (error) {
    const detail = messageOf(error)
    return requests.map((request) => ({ file: name, description: descriptionOf(request), outcome: 'not-run', detail }))
  }
  for (const request of requests) entries.push(await run(request))
  return entries
}

type Prepared = {
  readonly world: World
  readonly policies: OfficialPolicies
  readonly schema: string | null
  readonly shouldValidate: unknown
}

async function prepare(checker: PolicyChecker, root: string, test: JsonObject): Promise<Prepared> {
  const source = await readPolicySource(checker, await readBeside(root, test, 'policies'))
  const schema = Object.hasOwn(test, 'schema') ? await readBeside(root, test, 'schema') : null
  const entities = parseFile('entities', await readBeside(root, test, 'entities'))
  const world = await loadWorld(checker, source, entities, schema)
  return { world, policies: source.official, schema, shouldValidate: own(test, 'shouldValidate') }
}

async function readBeside(root: string, test: JsonObject, key: string): Promise<string> {
  const path = own(test, key)
  if (typeof path !== 'string') throw new Fault('document-invalid', { hint: `"${key}" names no file.` })
  const full = await realpath(join(root, path)).catch((error: unknown) => {
    throw new Fault('not-found', { hint: `${path} cannot be read.`, cause: error })
  })
  if (!full.startsWith(root + sep)) throw new Fault('document-invalid', { hint: `${path} leaves the directory.` })
  return await readInput(full)
}

/** An entry only when the validator's verdict is another than expected. */
async function compareValidity(
  checker: PolicyChecker,
  prepared: Prepared,
  file: string,
): Promise<ConformanceEntry | null> {
  const { shouldValidate, schema, policies } = prepared
  if (typeof shouldValidate !== 'boolean' || schema === null) return null
  const isValid = await checker.isValid(policies, schema)
  if (isValid === shouldValidate) return null
  const detail = `expected the policies to be ${shouldValidate ? 'valid' : 'invalid'}, they are not`
  return { file, description: 'validation', outcome: 'different', detail }
}

async function runRequest(world: World, file: string, request: unknown): Promise<ConformanceEntry> {
  const description = descriptionOf(request)
  try {
    const expected = expectationOf(request)
    const answer = await world.ask(readQuestion(request))
    const found = comparable(answer.decision, answer.reasons, answer.errors)
    if (found === expected) return { file, description, outcome: 'equal', detail: '' }
    return { file, description, outcome: 'different', detail: `expected ${expected}, got ${found}` }
  } catch (error) {
    return { file, description, outcome: 'not-run', detail: messageOf(error) }
  }
}

function expectationOf(request: unknown): string {
  const [decision, reason, errors] = ['decision', 'reason', 'errors'].map((name) =>
    isObject(request) ? own(request, name) : undefined,
  )
  if ((decision !== 'allow' && decision !== 'deny') || !isIds(reason) || !isIds(errors)) {
    throw new Fault('document-invalid', { hint: 'The request lacks decision, reason or errors.' })
  }
  return comparable(decision, reason, errors)
}

function isIds(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function comparable(decision: string, reasons: readonly string[], errors: readonly string[]): string {
  return JSON.stringify({ decision, reason: reasons.toSorted(), errors: errors.toSorted() })
}

function descriptionOf(request: unknown): string {
  const description = isObject(request) ? own(request, 'description') : undefined
  return typeof description === 'string' ? description : ''
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
