// A run of random decisions through both engines, until they differ or enough were compared. For the nightly run and
// the command; tests in differential.test.ts. Runs the official engine on the caller's thread: never in a server.
import { CaseGenerator } from './differential-cases.ts'
import { coverageNames } from './differential-words.ts'
import { compareCase, type Tally } from './differential.ts'
import { loadCedar } from './wasm.ts'

export type DifferentialReport = {
  readonly tally: Readonly<Tally>
  /** How often each operator, scope and form was used. */
  readonly counts: Readonly<Record<string, number>>
  readonly unused: readonly string[]
  /** The case, as JSON; null when all were equal. */
  readonly difference: string | null
  readonly seconds: number
}

export function runDifferential({
  decisions,
  seed,
  signal,
}: {
  readonly decisions: number
  readonly seed: number
  readonly signal: AbortSignal
}): DifferentialReport {
  const cedar = loadCedar()
  const cases = new CaseGenerator(seed)
  const tally: Tally = { compared: 0, allowed: 0, withErrors: 0, refused: 0 }
  const beginMs = performance.now()
  let difference: string | null = null
  while (tally.compared < decisions && difference === null) {
    signal.throwIfAborted()
    const each = cases.next(24)
    const found = compareCase(cedar, each, tally)
    if (found !== null) difference = show({ found, policies: each.policies, entities: each.entities })
  }
  return {
    tally,
    counts: Object.fromEntries(cases.counts),
    unused: coverageNames.filter((name) => (cases.counts.get(name) ?? 0) === 0),
    difference,
    seconds: Math.round((performance.now() - beginMs) / 100) / 10,
  }
}

function show(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each))
}
