// Reads YAML for `apply`, `diff` and `delete`: strict, several documents a file, and the line of every value
// kept, so that a mistake is named where the person can see it.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Document, isMap, isNode, LineCounter, parseAllDocuments } from 'yaml'
import { Fault } from '#core/fault.ts'

const MAX_FILE_BYTES = 4 * 1024 * 1024
const MAX_DOCUMENTS = 5000 // the cap of the API's apply
const MAX_ALIASES = 100 // YAML bombs: aliases may not multiply the size

export type SourceDocument = {
  readonly value: unknown
  /** Line and column (from 1) of the value at a path such as ['spec', 'upstream', 'port']. */
  readonly place: (path: readonly (string | number)[]) => string
}

/** All documents of a file, of every .yaml and .yml file below a folder, or of standard input (`-`). */
export function readDocuments(source: string): readonly SourceDocument[] {
  const files = source === '-' ? ['-'] : statSync(source).isDirectory() ? yamlFiles(source) : [source]
  const documents = files.flatMap((file) => parseFile(file))
  if (documents.length === 0) throw new Fault('document-invalid', { hint: `There is no document in ${source}.` })
  if (documents.length > MAX_DOCUMENTS)
    throw new Fault('request-too-large', { hint: `More than ${MAX_DOCUMENTS} documents.` })
  return documents
}

function yamlFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .toSorted()
    .map((name) => join(folder, name))
}

function parseFile(file: string): readonly SourceDocument[] {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8')
  if (text.length > MAX_FILE_BYTES)
    throw new Fault('request-too-large', { hint: `${file} is larger than ${MAX_FILE_BYTES} bytes.` })
  const lines = new LineCounter()
  const name = file === '-' ? 'standard input' : file
  return parseAllDocuments(text, {
    lineCounter: lines,
    strict: true,
    uniqueKeys: true,
    version: '1.2',
    logLevel: 'error',
  })
    .filter((document) => document.contents !== null)
    .map((document) => {
      const [error] = [...document.errors, ...document.warnings]
      if (error)
        throw new Fault('document-invalid', {
          hint: `${name}:${at(lines, error.pos[0])}: ${error.message.split('\n')[0] ?? ''}`,
        })
      return {
        value: valueOf(document, name),
        place: (path) => `${name}:${at(lines, offsetOf(document, path))}`,
      }
    })
}

function valueOf(document: Document.Parsed, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (cause) {
    throw new Fault('document-invalid', {
      hint: `${name}: ${cause instanceof Error ? cause.message : 'cannot be read'}`,
      cause,
    })
  }
}

/** Offset of the node at the path, or of its nearest parent that exists; of the key where an unknown key is at fault. */
function offsetOf(document: Document.Parsed, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true)
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isNode(item.key) && String(item.key) === String(path[length - 1]))
      if (pair && isNode(pair.key) && pair.key.range) return pair.key.range[0]
    }
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return document.contents?.range[0] ?? 0
}

function at(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `${line}:${col}`
}

/** `documents[3].spec.names[0].host` → [3, ['spec', 'names', 0, 'host']]; null when it names no document. */
export function parsePlace(text: string): readonly [number, readonly (string | number)[]] | null {
  const match = /^documents\[(\d+)\](.*)$/.exec(text)
  if (!match) return null
  const path = [...(match[2] ?? '').matchAll(/\.([^.[\]]+)|\[(\d+)\]/g)].map((step) =>
    step[1] === undefined ? Number(step[2]) : step[1],
  )
  return [Number(match[1]), path]
}
