// Document match: how much of a known document is in a text, and how much of the text is the document, by shingles of words
// winnowed to the same few on both sides. Known documents are hashes only; wording cannot be read back.
import { readFile } from 'node:fs/promises'
import { Fault } from '#core/fault.ts'
import type { PartInspector } from '#inspection/file/walk.ts'
import { fnv, FNV_SEED, mix, tokensOf } from './tokens.ts'

const SHINGLE_WORDS = 5
const WINDOW = 6
const MIN_MARKS = 8
/** The levels at which policies ask. */
export const levels = [0.9, 0.7, 0.25] as const

export type KnownDocument = { readonly name: string; readonly marks: readonly number[] }
export type DocumentFile = {
  readonly kind: 'sallyport-documents'
  readonly version: 1
  readonly salt: number
  readonly documents: readonly KnownDocument[]
}

/** Of every window of neighbouring shingle hashes the least one: any shared passage of ten words leaves a shared mark. */
export function marksOf(text: string, salt: number): ReadonlySet<number> {
  const tokens = tokensOf(text)
  const hashes: number[] = []
  for (let first = 0; first + SHINGLE_WORDS <= tokens.length; first++) {
    let hash = FNV_SEED ^ salt
    for (let at = first; at < first + SHINGLE_WORDS; at++) hash = fnv(`${tokens[at]?.text} `, hash)
    hashes.push(mix(hash))
  }
  const marks = new Set<number>()
  for (let from = 0; from + WINDOW <= Math.max(WINDOW, hashes.length); from++) {
    let least = Number.POSITIVE_INFINITY
    for (let at = from; at < Math.min(hashes.length, from + WINDOW); at++) least = Math.min(least, hashes[at] ?? least)
    if (Number.isFinite(least)) marks.add(least)
  }
  return marks
}

export type DocumentHit = { readonly name: string; readonly ofDocument: number; readonly ofText: number }

export function matchDocuments(text: string, { salt, documents }: DocumentFile): readonly DocumentHit[] {
  const marks = marksOf(text, salt)
  if (marks.size < MIN_MARKS) return []
  return documents.flatMap(({ name, marks: known }) => {
    let shared = 0
    for (const mark of known) if (marks.has(mark)) shared++
    const hit = { name, ofDocument: shared / known.length, ofText: shared / marks.size }
    return shared >= MIN_MARKS && (hit.ofDocument >= 0.25 || hit.ofText >= 0.25) ? [hit] : []
  })
}

export async function loadDocumentMatch(file: string): Promise<PartInspector> {
  const known = JSON.parse(await readFile(file, 'utf8')) as DocumentFile
  if (known.kind !== 'sallyport-documents' || known.version !== 1 || !Array.isArray(known.documents))
    throw new Fault('configuration-invalid', { hint: `${file} is not a file of document fingerprints.` })
  return {
    name: 'idm',
    look({ text }) {
      if (text === null) return []
      return matchDocuments(text.toString('utf8'), known).map(({ name, ofDocument, ofText }) => {
        const share = Math.max(ofDocument, ofText)
        const level = levels.find((each) => share >= each) ?? 0.25
        return {
          type: `DOCUMENT_MATCH_${Math.round(level * 100)}`,
          start: 0,
          end: 0,
          confidence: Math.min(0.99, share),
          label: `${name}: ${Math.round(ofDocument * 100)} % of the document, ${Math.round(ofText * 100)} % of the text`,
        }
      })
    },
  }
}
