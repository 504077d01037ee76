// The disposable worker: the only place outside tests and tools where the official engine runs. Keeps nothing between
// two jobs. Its JSON.parse keeps 64-bit integers exact, because the engine hands its results over through it.
import { parentPort } from 'node:worker_threads'
import { check, type CheckInput, schemaOf } from './check.ts'
import { parseWithLongForm } from './json-exact.ts'
import {
  askOfficial,
  contextProblem,
  entitiesProblem,
  type OfficialCall,
  type OfficialPolicies,
  type UidJson,
  validityOf,
} from './official.ts'
import { loadCedar } from './wasm.ts'

export type Job =
  | { readonly kind: 'check'; readonly input: CheckInput }
  | { readonly kind: 'ask'; readonly call: OfficialCall }
  | { readonly kind: 'schema'; readonly text: string }
  | { readonly kind: 'entities'; readonly entities: unknown; readonly schema: string }
  | { readonly kind: 'context'; readonly context: unknown; readonly action: UidJson; readonly schema: string }
  | { readonly kind: 'validity'; readonly policies: OfficialPolicies; readonly schema: string }

/** `json` is the result as text: a deep tree as text needs no stack to cross. */
export type Reply = { readonly json: string } | { readonly failed: string }

const plainParse = JSON.parse
JSON.parse = (text, reviver) =>
  reviver === undefined ? parseWithLongForm(text, plainParse) : plainParse(text, reviver)

const cedar = loadCedar()

function run(job: Job): unknown {
  switch (job.kind) {
    case 'check':
      return check(cedar, job.input)
    case 'ask':
      return askOfficial(cedar, {
        ...job.call,
        ...(typeof job.call.schema === 'string' ? { schema: schemaOf(job.call.schema) } : {}),
      })
    case 'schema':
      return resolvedSchema(job.text)
    case 'entities':
      return entitiesProblem(cedar, job.entities, schemaOf(job.schema))
    case 'context':
      return contextProblem(cedar, job.context, job.action, schemaOf(job.schema))
    case 'validity':
      return validityOf(cedar, job.policies, schemaOf(job.schema))
  }
}

/** Only text can be resolved; JSON takes the way through text. */
function resolvedSchema(text: string): unknown {
  const schema = schemaOf(text)
  if (typeof schema === 'string') return cedar.schemaToJsonWithResolvedTypes(schema)
  const written = cedar.schemaToText(schema)
  return written.type === 'success' ? cedar.schemaToJsonWithResolvedTypes(written.text) : written
}

parentPort?.on('message', (job: Job) => {
  let reply: Reply
  try {
    reply = { json: JSON.stringify(run(job)) }
  } catch (error) {
    reply = { failed: error instanceof Error ? error.message : 'unknown' }
  }
  parentPort?.postMessage(reply)
})
