// A report as PDF, with the fonts that every reader has: no font files, no images, no links, no scripts. Characters that
// those fonts lack are written as their code point, so that nothing is left out unseen. Bounded in pages.
import { setImmediate } from 'node:timers/promises'
import PDFDocument from 'pdfkit'
import { plainText, type ReportBlock, type ReportDocument } from '#core/report/document.ts'
import { caps } from '#control/caps.ts'

type Page = InstanceType<typeof PDFDocument>

const MARGIN = 50
const looks = { good: '#1b6e3c', bad: '#b3261e', plain: '#5f6368' } as const

export async function pdfOf(report: ReportDocument, createdAtMs: number): Promise<Buffer> {
  const pdf = new PDFDocument({
    size: 'A4',
    margin: MARGIN,
    bufferPages: false,
    info: {
      Title: printable(report.title),
      Producer: 'Sallyport',
      Creator: 'Sallyport',
      CreationDate: new Date(createdAtMs),
    },
  })
  const chunks: Buffer[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  pdf.on('data', (chunk: Buffer) => chunks.push(chunk))
  pdf.on('end', () => resolve())
  pdf.on('error', reject)
  let pages = 1
  pdf.on('pageAdded', () => pages++)
  const isFull = () => pages >= caps.reportPages.default
  const breathe = createBreath()
  pdf
    .font('Helvetica-Bold')
    .fontSize(10)
    .fillColor(looks[report.verdict.look])
    .text(printable(report.verdict.text.toUpperCase()))
  pdf.fontSize(18).fillColor('#000').text(printable(report.title)).moveDown(0.2)
  pdf.font('Helvetica').fontSize(9).fillColor('#444').text(printable(report.subtitle)).moveDown()
  for (const section of report.sections) {
    if (isFull()) break
    pdf.moveDown(0.6).font('Helvetica-Bold').fontSize(13).fillColor('#000').text(printable(section.title)).moveDown(0.3)
    for (const block of section.blocks) await writeBlock(pdf, block, isFull, breathe)
  }
  if (isFull()) pdf.moveDown().font('Helvetica-Oblique').fontSize(9).text('Cut here: the HTML report has all of it.')
  pdf.end()
  await promise
  return Buffer.concat(chunks)
}

type Breath = () => Promise<void>

/** Laying out is work of this thread, which serves everybody: after a few milliseconds the others have their turn. */
function createBreath(): Breath {
  let sinceMs = performance.now()
  return async () => {
    if (performance.now() - sinceMs < caps.reportTurnMs.default) return
    await setImmediate()
    sinceMs = performance.now()
  }
}

async function writeBlock(pdf: Page, block: ReportBlock, isFull: () => boolean, breathe: Breath): Promise<void> {
  pdf.font('Helvetica').fontSize(10).fillColor('#000')
  switch (block.kind) {
    case 'text':
      await breathe()
      pdf.text(printable(block.text)).moveDown(0.4)
      return
    case 'list':
      for (const item of block.items) {
        if (isFull()) return
        await breathe()
        pdf.text(`•  ${printable(item)}`, { indent: 6 })
      }
      pdf.moveDown(0.4)
      return
    case 'facts':
      for (const [name, value] of block.facts) {
        if (isFull()) return
        await breathe()
        pdf
          .font('Helvetica')
          .fillColor('#555')
          .text(`${printable(name)}: `, { continued: true })
        pdf
          .font('Helvetica-Bold')
          .fillColor('#000')
          .text(printable(value === '' ? '–' : value))
      }
      pdf.moveDown(0.4)
      return
    case 'table':
      await writeTable(pdf, block.head, block.rows, isFull, breathe)
  }
}

async function writeTable(
  pdf: Page,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  isFull: () => boolean,
  breathe: Breath,
): Promise<void> {
  const widths = widthsOf(head, rows, pdf.page.width - 2 * MARGIN)
  const writeRow = (cells: readonly string[], font: string) => {
    pdf.font(font).fontSize(8.5)
    const texts = widths.map((_, at) => printable(cells[at] ?? '', caps.reportCellCharacters.default))
    const height = Math.max(...texts.map((text, at) => pdf.heightOfString(text, { width: (widths[at] ?? 50) - 6 })))
    if (pdf.y + height > pdf.page.height - MARGIN) pdf.addPage()
    const top = pdf.y
    let left = MARGIN
    for (const [at, text] of texts.entries()) {
      pdf.text(text, left, top, { width: (widths[at] ?? 50) - 6, height: pdf.page.height - MARGIN - top })
      left += widths[at] ?? 50
    }
    pdf.x = MARGIN
    pdf.y = top + height + 3
  }
  if (head.some((cell) => cell !== '')) writeRow(head, 'Helvetica-Bold')
  for (const row of rows) {
    if (isFull()) break
    await breathe()
    writeRow(row, 'Helvetica')
  }
  pdf.x = MARGIN
  pdf.moveDown(0.4)
}

/** Each column its share by its longest text, none under a tenth. */
function widthsOf(head: readonly string[], rows: readonly (readonly string[])[], total: number): number[] {
  const wanted = head.map((cell, at) =>
    Math.min(60, Math.max(6, cell.length, ...rows.slice(0, 200).map((row) => row[at]?.length ?? 0))),
  )
  const sum = wanted.reduce((all, each) => all + each, 0)
  return wanted.map((each) => (each / sum) * total)
}

/** The standard fonts have Latin-1 and a few signs. */
function printable(text: string, maxLength = 2000): string {
  let made = ''
  for (const character of plainText(text, maxLength)) {
    const code = character.codePointAt(0) ?? 0
    made +=
      code < 0x100 || '–—‘’“”•…€™'.includes(character)
        ? character
        : `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`
    // Again, because a character may have become eight.
    if (made.length >= maxLength) return `${made.slice(0, maxLength)}…`
  }
  return made
}
