// The disposable worker: the only place outside tests and tools where the official engine runs. Keeps nothing between
// two jobs. Its JSON.parse keeps 64-bit integers exact, because the engine hands its results over through it.
import { parentPort } from 'node:worker_threads'
import { check, type CheckInput } from './check.ts'
import { parseWithLongForm } from './json-exact.ts'
import { askOfficial, type OfficialCall } from './official.ts'
import { loadCedar } from './wasm.ts'

export type Job =
  | { readonly kind: 'check'; readonly input: CheckInput }
  | { readonly kind: 'ask'; readonly call: OfficialCall }
  | { readonly kind: 'schema'; readonly text: string }

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
      return askOfficial(cedar, job.call)
    case 'schema':
      return cedar.schemaToJsonWithResolvedTypes(job.text)
  }
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
