// PDF: its text, its scripts and the files within it. Text comes from a library that parses hostile bytes, so this runs in a
// worker with a memory cap only. Scripts are looked for in the bytes and in every stream that can be inflated.
import type { Budget } from '#inspection/unpack/budget.ts'
import { decode } from '#inspection/unpack/decode.ts'

const MAX_STREAMS = 5000
/** Where the dictionary of a stream is looked for: padding must not push its type out of sight. */
const MAX_DICTIONARY_BYTES = 64 * 1024

export type PdfSigns = {
  readonly hasScript: boolean
  readonly opensByItself: boolean
  readonly launches: boolean
  readonly embeds: boolean
  readonly isEncrypted: boolean
}

/** Names may be written with `#xx` for any character. */
const plainNames = (text: string) =>
  text.replaceAll(/#([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

function signsIn(text: string): PdfSigns {
  const plain = text.includes('#') ? plainNames(text) : text
  return {
    hasScript: /\/(?:JavaScript|JS)\b/.test(plain),
    opensByItself: /\/(?:OpenAction|AA)\b/.test(plain),
    launches: /\/Launch\b/.test(plain),
    embeds: /\/EmbeddedFiles?\b/.test(plain),
    isEncrypted: /\/Encrypt\s+\d+\s+\d+\s+R|\/Encrypt\s*<</.test(plain),
  }
}

export type PdfParts = { readonly signs: PdfSigns; readonly embedded: readonly Buffer[] }

/** One pass over the objects; `embedded` are the bytes of embedded files. */
export function partsOfPdf(bytes: Buffer, budget: Budget, part: string): PdfParts {
  let signs = signsIn(bytes.toString('latin1'))
  const embedded: Buffer[] = []
  let count = 0
  let before = 0
  for (let at = bytes.indexOf('stream'); at >= 0; at = bytes.indexOf('stream', at + 6)) {
    if (bytes[at - 1] === 0x64) continue // endstream
    if (++count > MAX_STREAMS) {
      budget.partial('entries', part)
      break
    }
    const start = bytes[at + 6] === 0x0d ? at + 8 : at + 7
    const end = bytes.indexOf('endstream', start)
    if (end < 0) break
    // From the end of the stream before: words within the dictionary must not cut its type off.
    const dictionary = plainNames(bytes.toString('latin1', Math.max(before, at - MAX_DICTIONARY_BYTES), at))
    before = end
    const isEmbedded = /\/EmbeddedFile\b/.test(dictionary)
    const isObjects = /\/ObjStm\b/.test(dictionary)
    const isScript = /\/JS\b/.test(dictionary)
    if (!isEmbedded && !isObjects && !isScript) continue
    if (!budget.enter(0, part)) break
    let body: Buffer | null = bytes.subarray(start, end)
    if (/\/(?:FlateDecode|Fl)\b/.test(dictionary)) body = decode(trimEnd(body), 'deflate', budget, part)
    if (body === null) continue
    if (isEmbedded) embedded.push(body)
    if (isObjects) signs = merge(signs, signsIn(body.toString('latin1')))
    at = end
  }
  return { signs, embedded }
}

function trimEnd(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--
  return bytes.subarray(0, end)
}

const merge = (a: PdfSigns, b: PdfSigns): PdfSigns => ({
  hasScript: a.hasScript || b.hasScript,
  opensByItself: a.opensByItself || b.opensByItself,
  launches: a.launches || b.launches,
  embeds: a.embeds || b.embeds,
  isEncrypted: a.isEncrypted || b.isEncrypted,
})

/** Null when the library cannot read it; a gap says why. */
export async function textOfPdf(bytes: Buffer, budget: Budget, part: string): Promise<string | null> {
  const { extractText, getDocumentProxy } = await import('unpdf')
  try {
    const document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0, disableFontFace: true })
    const { text } = await extractText(document, { mergePages: true })
    await document.cleanup()
    return text
  } catch (error) {
    const isLocked = error instanceof Error && error.name === 'PasswordException'
    budget.unscannable(isLocked ? 'encrypted' : 'malformed', part)
    return null
  }
}
