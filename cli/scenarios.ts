// Scenarios of drills: those that are shipped, by name, and people's own, by file.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseDocument } from 'yaml'
import { Fault } from '#core/fault.ts'
import { scenario, type Scenario, unknownHandles } from '#core/drill/scenario.ts'

const folder = fileURLToPath(new URL('../drill/scenarios/', import.meta.url))
const MAX_BYTES = 256 * 1024

/** In the order of their names. */
export function shippedScenarios(): readonly Scenario[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .toSorted()
    .map((file) => readScenario(join(folder, file)))
}

/** A file, or the name of one that is shipped. Throws Fault `document-invalid` naming the place. */
export function findScenario(word: string): Scenario {
  const shipped = join(folder, `${word}.yaml`)
  if (/^[a-z][a-z0-9-]*$/.test(word) && existsSync(shipped)) return readScenario(shipped)
  if (existsSync(word)) return readScenario(word)
  const names = shippedScenarios().map(({ drill }) => drill)
  throw new Fault('not-found', { hint: `There is no scenario or file "${word}"; shipped are ${names.join(', ')}.` })
}

function readScenario(file: string): Scenario {
  const text = readFileSync(file, 'utf8')
  if (text.length > MAX_BYTES) throw new Fault('request-too-large', { hint: `${file} is too large for a scenario.` })
  const document = parseDocument(text, { uniqueKeys: true })
  const [error] = document.errors
  if (error) throw invalid(file, error.message.split('\n')[0] ?? '')
  const parsed = scenario.safeParse(document.toJS({ maxAliasCount: 0 }))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const keys = issue?.code === 'unrecognized_keys' ? ` (${issue.keys.join(', ')})` : ''
    throw invalid(file, `${issue?.path.join('.')}: ${issue?.message}${keys}`)
  }
  const unknown = unknownHandles(parsed.data)
  if (unknown.length > 0) throw invalid(file, `there is no actor or app ${unknown.join(', ')}`)
  return parsed.data
}

function invalid(file: string, why: string): Fault {
  return new Fault('document-invalid', { hint: `${file}: ${why}` })
}
