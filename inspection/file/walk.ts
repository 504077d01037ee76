// One body, taken apart: types by content, archives within archives, texts within documents, each looked at by every
// inspector that is asked for. Runs in a worker; must never go on past the budget, and never throws for what a sender did.
import { createHash } from 'node:crypto'
import type { Finding, InspectorName } from '#core/inspection/verdict.ts'
import { caps } from '#inspection/caps.ts'
import { labelsOf, textOfHtml, textOfXml } from '#inspection/extract/markup.ts'
import { boundaryOf, leadingBoundary, partsOfMessage, partsOfMultipart } from '#inspection/extract/mime.ts'
import { readableText, signsOfOle } from '#inspection/extract/ole.ts'
import { partsOfPdf, textOfPdf } from '#inspection/extract/pdf.ts'
import { formView, hitsThrough, jsonView, type View } from '#inspection/extract/views.ts'
import { isEicar } from '#inspection/malware/eicar.ts'
import { type Sign, signsOf } from '#inspection/malware/static-signs.ts'
import { toUtf8 } from '#inspection/text/charset.ts'
import { codePoints, toFinding, UniqueCount } from '#inspection/text/findings.ts'
import type { Budget } from '#inspection/unpack/budget.ts'
import { decode } from '#inspection/unpack/decode.ts'
import { listTar } from '#inspection/unpack/tar.ts'
import { listZip, readZipEntry } from '#inspection/unpack/zip.ts'
import { type FileType, fileTypeOf, secondTypeOf } from './file-type.ts'

/** What else looks at every part: rules, feeds, the customer's own dictionaries and fingerprints. */
export type PartInspector = {
  readonly name: InspectorName
  /** `text` in UTF-8 when the part is or has text. Places in code points of that text, 0 and 0 for the whole. */
  look(part: {
    readonly bytes: Buffer
    readonly text: Buffer | null
    readonly sha256: () => string
    readonly name: string | null
  }): readonly Omit<Finding, 'inspector' | 'part'>[]
}

export type WalkOptions = {
  readonly isDlp: boolean
  readonly isMalware: boolean
  readonly name: string | null
  readonly contentType: string | null
  readonly others: readonly PartInspector[]
}

const unknownArchives = new Set([
  'bzip2',
  'xz',
  'lz4',
  'lzip',
  'compress',
  '7z',
  'rar',
  'cab',
  'ar',
  'cpio',
  'ace',
  'arj',
  'lzh',
  'xar',
  'rpm',
  'chm',
])
const encryptedTypes = new Set(['luks', 'pgp-message', 'age-encrypted'])

export class Walk {
  readonly findings: Finding[] = []
  readonly unique = new UniqueCount()
  readonly #budget: Budget
  readonly #options: WalkOptions

  constructor(budget: Budget, options: WalkOptions) {
    this.#budget = budget
    this.#options = options
  }

  /** The type of the outermost layer. */
  async start(bytes: Buffer): Promise<FileType> {
    const { name, contentType } = this.#options
    const boundary = boundaryOf(contentType ?? '') ?? leadingBoundary(bytes)
    if (boundary !== null && bytes.includes(`--${boundary}`)) {
      await this.#multipart(bytes, boundary, undefined, 0)
      return { name: 'multipart', kind: 'text' }
    }
    return this.#visit(bytes, name, undefined, 0)
  }

  async #visit(bytes: Buffer, name: string | null, part: string | undefined, depth: number): Promise<FileType> {
    const type = fileTypeOf(bytes)
    if (bytes.length === 0 || !this.#budget.enter(depth, part)) return type
    await this.#open(bytes, type, name, part, depth)
    const second = secondTypeOf(bytes, type)
    if (second !== null) {
      // A program with an archive behind it unpacks itself: common, and no lie.
      if (type.kind !== 'executable')
        this.#sign({ type: 'POLYGLOT', confidence: 0.75, label: `${type.name} and ${second.name}` }, part)
      await this.#open(bytes, second, name, part, depth)
    }
    return type
  }

  async #open(
    bytes: Buffer,
    type: FileType,
    name: string | null,
    part: string | undefined,
    depth: number,
  ): Promise<void> {
    if (this.#options.isMalware) {
      if (isEicar(bytes)) this.#sign({ type: 'EICAR', confidence: 1, label: 'EICAR test file' }, part)
      for (const sign of signsOf(name, type, bytes, depth > 0)) this.#sign(sign, part)
    }
    const text = await this.#unfold(bytes, type, part, depth)
    this.#askOthers(bytes, text, name, part)
  }

  /** Goes into what has parts, scans what has text, and returns that text. */
  async #unfold(bytes: Buffer, type: FileType, part: string | undefined, depth: number): Promise<Buffer | null> {
    const where = (name: string) => (part === undefined ? name : `${part}!${name}`)
    if (unknownArchives.has(type.name)) this.#budget.unscannable('unknown-archive', part)
    if (encryptedTypes.has(type.name)) this.#budget.unscannable('encrypted', part)
    switch (type.name) {
      case 'zip':
        await this.#zip(bytes, part, depth)
        return null
      case 'gzip':
      case 'zstd': {
        const out = decode(bytes, type.name, this.#budget, part)
        if (out !== null) await this.#visit(out, gzipName(bytes, type.name), where(type.name), depth + 1)
        return null
      }
      case 'tar':
        for (const entry of listTar(bytes, this.#budget, part)) {
          if (this.#budget.isOver()) break
          await this.#visit(entry.bytes, entry.name, where(entry.name), depth + 1)
        }
        return null
      case 'pdf':
        return this.#pdf(bytes, part, depth)
      case 'mime': {
        const parts = partsOfMessage(bytes, this.#budget) ?? []
        for (const each of parts) await this.#visit(each.bytes, each.fileName, where(each.name), depth + 1)
        return this.#text(bytes, null, part)
      }
      case 'ole': {
        const signs = signsOfOle(bytes)
        if (signs.isEncrypted) this.#budget.unscannable('encrypted', part)
        if (this.#options.isMalware && signs.hasMacro)
          this.#sign(
            {
              type: 'OFFICE_MACRO',
              confidence: signs.startsByItself ? 0.8 : 0.6,
              label: signs.startsByItself ? 'macro that starts by itself' : 'macro',
            },
            part,
          )
        return this.#derived(readableText(bytes), part)
      }
      default:
        return this.#leaf(bytes, type, part)
    }
  }

  #leaf(bytes: Buffer, type: FileType, part: string | undefined): Buffer | null {
    if (type.kind === 'text' || type.kind === 'script' || type.name === 'rtf' || type.name === 'postscript') {
      const utf8 = toUtf8(bytes)
      const isForm = part === undefined && /^application\/x-www-form-urlencoded/i.test(this.#options.contentType ?? '')
      const text = this.#text(utf8, isForm ? formView(utf8) : type.name === 'json' ? jsonView(utf8) : null, part)
      if (type.name === 'html') return this.#derived(textOfHtml(utf8.toString('utf8')), part, utf8)
      if (type.name === 'xml') return this.#derived(textOfXml(utf8.toString('utf8')).text, part, utf8)
      return text
    }
    // Programs and databases hold readable text too; pictures and sound are not searched.
    return type.kind === 'unknown' || type.kind === 'data' ? this.#derived(readableText(bytes), part) : null
  }

  async #zip(bytes: Buffer, part: string | undefined, depth: number): Promise<void> {
    const listing = listZip(bytes, this.#budget, part)
    if (listing === null) return
    const isOffice = listing.entries.some(({ name }) => name === '[Content_Types].xml' || name === 'mimetype')
    for (const entry of listing.entries) {
      if (this.#budget.isOver()) {
        this.#budget.partial('time', part)
        return
      }
      if (entry.name.endsWith('/') && entry.compressedBytes === 0) continue
      const where = part === undefined ? entry.name : `${part}!${entry.name}`
      const out = readZipEntry(bytes, entry, this.#budget, where)
      if (out === null) continue
      if (isOffice && /(?:^|\/)vbaProject\.bin$/i.test(entry.name)) {
        const { startsByItself } = signsOfOle(out)
        this.#sign(
          {
            type: 'OFFICE_MACRO',
            confidence: startsByItself ? 0.8 : 0.6,
            label: startsByItself ? 'macro that starts by itself' : 'macro',
          },
          where,
        )
      }
      if (isOffice && entry.name === 'docProps/custom.xml')
        for (const label of labelsOf(out.toString('utf8')))
          this.#add({
            type: 'SENSITIVITY_LABEL',
            start: 0,
            end: 0,
            confidence: 1,
            inspector: 'label',
            part: where,
            label: label.name || label.id,
          })
      // The parts of an office file are one file to a person: only what is in them counts as within an archive.
      await this.#visit(
        out,
        isOffice ? null : entry.name,
        where,
        isOffice && fileTypeOf(out).kind === 'text' ? depth : depth + 1,
      )
    }
  }

  async #multipart(bytes: Buffer, boundary: string, part: string | undefined, depth: number): Promise<void> {
    for (const each of partsOfMultipart(bytes, boundary, this.#budget)) {
      const where = part === undefined ? each.name : `${part}!${each.name}`
      const inner = boundaryOf(each.contentType)
      if (inner !== null && depth < this.#budget.limits.depth)
        await this.#multipart(each.bytes, inner, where, depth + 1)
      else if (each.bytes.length > 0) await this.#visit(each.bytes, each.fileName, where, depth)
    }
  }

  async #pdf(bytes: Buffer, part: string | undefined, depth: number): Promise<Buffer | null> {
    const { signs, embedded } = partsOfPdf(bytes, this.#budget, part ?? 'pdf')
    if (this.#options.isMalware) {
      if (signs.launches) this.#sign({ type: 'PDF_LAUNCH', confidence: 0.92, label: 'starts a program' }, part)
      if (signs.hasScript)
        this.#sign(
          {
            type: 'PDF_SCRIPT',
            confidence: signs.opensByItself ? 0.8 : 0.6,
            label: signs.opensByItself ? 'script that runs on opening' : 'script',
          },
          part,
        )
    }
    for (const [at, file] of embedded.entries())
      await this.#visit(file, null, `${part === undefined ? '' : `${part}!`}embedded${at + 1}`, depth + 1)
    if (!this.#options.isDlp && this.#options.others.length === 0) return null
    const text = await textOfPdf(bytes, this.#budget, part ?? 'pdf')
    return text === null ? null : this.#derived(text, part)
  }

  /** Text as it stands: places count in it. */
  #text(utf8: Buffer, view: View | null, part: string | undefined): Buffer {
    if (!this.#options.isDlp) return utf8
    const { hits, isFull } =
      view === null ? hitsThrough({ bytes: utf8, original: (at) => at }, {}) : hitsThrough(view, {})
    if (isFull) this.#budget.partial('findings', part)
    const place = codePoints(utf8)
    for (const hit of hits) {
      this.unique.add(hit.type, utf8.toString('utf8', hit.start, hit.end))
      const start = place(hit.start)
      this.#add(toFinding(hit, start, place(hit.end), 'dlp', part))
    }
    return utf8
  }

  /** Text taken out of something: only what was not found in the original already. */
  #derived(text: string, part: string | undefined, original?: Buffer): Buffer {
    const utf8 = Buffer.from(text)
    if (!this.#options.isDlp || utf8.length === 0) return utf8
    const { hits, isFull } = hitsThrough({ bytes: utf8, original: (at) => at }, {})
    if (isFull) this.#budget.partial('findings', part)
    const place = codePoints(utf8)
    for (const hit of hits) {
      if (original?.includes(utf8.subarray(hit.start, hit.end)) === true) continue
      this.unique.add(hit.type, utf8.toString('utf8', hit.start, hit.end))
      const start = place(hit.start)
      this.#add(
        toFinding(
          hit,
          start,
          place(hit.end),
          'dlp',
          original === undefined ? part : part === undefined ? 'text' : `${part}!text`,
        ),
      )
    }
    return utf8
  }

  #askOthers(bytes: Buffer, text: Buffer | null, name: string | null, part: string | undefined): void {
    if (this.#options.others.length === 0) return
    let digest: string | null = null
    const sha256 = () => (digest ??= createHash('sha256').update(bytes).digest('hex'))
    for (const other of this.#options.others)
      for (const finding of other.look({ bytes, text, sha256, name }))
        this.#add({ ...finding, inspector: other.name, ...(part !== undefined && { part }) })
  }

  #sign(sign: Sign, part: string | undefined): void {
    if (!this.#options.isMalware) return
    this.#add({
      type: sign.type,
      start: 0,
      end: 0,
      confidence: sign.confidence,
      inspector: 'static',
      label: sign.label,
      ...(part !== undefined && { part }),
    })
  }

  #add(finding: Finding): void {
    if (this.findings.length < caps.findings.default) this.findings.push(finding)
    else this.#budget.partial('findings')
  }
}

/** The name a gzip file says it had. */
function gzipName(bytes: Buffer, type: string): string | null {
  if (type !== 'gzip' || ((bytes[3] ?? 0) & 0x0c) !== 0x08) return null
  const end = bytes.indexOf(0, 10)
  return end > 10 && end < 300 ? bytes.toString('latin1', 10, end) : null
}
