// Loads the official Cedar engine into this thread. Only for the disposable worker, tests and tools: a bad input can
// leave the instance dead, and nothing that carries traffic may load it.
import { createRequire } from 'node:module'
import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs'

export type CedarEngine = typeof Cedar

export function loadCedar(): CedarEngine {
  const load = createRequire(import.meta.url)
  return load('@cedar-policy/cedar-wasm/nodejs') as CedarEngine
}
