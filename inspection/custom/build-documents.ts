// Makes the file of document fingerprints from a folder, on the customer's side. Texts are taken out of office files and PDF as
// inspection itself does it. Must never write any wording.
import { randomInt } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Walk } from '#inspection/file/walk.ts'
import { defaultLimits } from '#inspection/file/inspect-body.ts'
import { Budget } from '#inspection/unpack/budget.ts'
import { type DocumentFile, type KnownDocument, marksOf } from './document-match.ts'

const MIN_MARKS = 8

export async function buildDocuments(
  folder: string,
  out: string,
): Promise<{ readonly documents: number; readonly skipped: readonly string[] }> {
  const salt = randomInt(2 ** 31)
  const documents: KnownDocument[] = []
  const skipped: string[] = []
  for (const entry of (await readdir(folder, { withFileTypes: true, recursive: true })).toSorted((a, b) =>
    a.name.localeCompare(b.name),
  )) {
    if (!entry.isFile()) continue
    const text = await textOf(await readFile(join(entry.parentPath, entry.name)))
    const marks = marksOf(text, salt)
    if (marks.size < MIN_MARKS) skipped.push(entry.name)
    else documents.push({ name: entry.name, marks: [...marks] })
  }
  await writeFile(
    out,
    JSON.stringify({ kind: 'sallyport-documents', version: 1, salt, documents } satisfies DocumentFile),
    { mode: 0o600 },
  )
  return { documents: documents.length, skipped }
}

/** All texts of all parts, as other inspectors get them. */
async function textOf(bytes: Buffer): Promise<string> {
  const texts: string[] = []
  const listen = {
    name: 'idm' as const,
    look: ({ text }: { readonly text: Buffer | null }) => {
      if (text !== null) texts.push(text.toString('utf8'))
      return []
    },
  }
  await new Walk(new Budget(defaultLimits, bytes.length), {
    isDlp: false,
    isMalware: false,
    name: null,
    contentType: null,
    others: [listen],
  }).start(bytes)
  return texts.join('\n')
}
