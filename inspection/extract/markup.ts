// Text of HTML and XML: what a person would read, with values that tags or entities had torn apart put together again. Must
// never load anything that the markup points to; entities of a document type are not expanded.
import { Parser } from 'htmlparser2'
import { SaxesParser } from 'saxes'

const MAX_TEXT_CHARACTERS = 64 * 1024 * 1024
const breaks = new Set(
  'p div br li tr td th h1 h2 h3 h4 h5 h6 section article table ul ol dl dt dd option title pre blockquote label input button form'.split(
    ' ',
  ),
)

export function textOfHtml(html: string): string {
  const out: string[] = []
  let size = 0
  let isSilent = false
  const add = (text: string) => {
    if (size < MAX_TEXT_CHARACTERS) out.push(text)
    size += text.length
  }
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        if (name === 'script' || name === 'style') isSilent = true
        if (breaks.has(name)) add('\n')
        for (const key of ['value', 'content', 'href', 'alt', 'title', 'placeholder']) {
          const value = attributes[key]
          if (value) add(` ${value} `)
        }
      },
      ontext(text) {
        if (!isSilent) add(text)
      },
      onclosetag(name) {
        if (name === 'script' || name === 'style') isSilent = false
        if (breaks.has(name)) add('\n')
      },
    },
    { decodeEntities: true, lowerCaseTags: true },
  )
  parser.write(html)
  parser.end()
  return out.join('')
}

// Elements of OOXML and OpenDocument after which a new value begins.
const lines = new Set('p row si br tr h list-item table-row sst'.split(' '))
const cells = new Set('c tc td cell table-cell tab v'.split(' '))

export type XmlText = { readonly text: string; readonly isWhole: boolean }

export function textOfXml(xml: string): XmlText {
  const out: string[] = []
  let size = 0
  let isWhole = true
  const parser = new SaxesParser({ fragment: false })
  // A document that stops being XML half-way is read up to there.
  parser.on('error', () => {
    isWhole = false
  })
  parser.on('text', (text) => {
    if (size < MAX_TEXT_CHARACTERS) out.push(text)
    size += text.length
  })
  parser.on('cdata', (text) => {
    if (size < MAX_TEXT_CHARACTERS) out.push(text)
    size += text.length
  })
  parser.on('closetag', ({ name }) => {
    const local = name.slice(name.indexOf(':') + 1)
    if (lines.has(local)) out.push('\n')
    else if (cells.has(local)) out.push('\t')
  })
  try {
    parser.write(xml).close()
  } catch {
    isWhole = false
  }
  return { text: out.join(''), isWhole: isWhole && size <= MAX_TEXT_CHARACTERS }
}

/** Sensitivity labels that Microsoft Purview writes into `docProps/custom.xml`: `MSIP_Label_<guid>_Name`. */
export function labelsOf(customXml: string): readonly { readonly id: string; readonly name: string }[] {
  const labels = new Map<string, string>()
  let key: string | null = null
  const parser = new SaxesParser()
  parser.on('error', () => {})
  parser.on('opentag', (tag) => {
    const { name: given } = tag.attributes
    if (tag.name === 'property' && typeof given === 'string')
      key = /^MSIP_Label_([0-9a-f-]{36})_(Name|Enabled)$/i.test(given) ? given : null
  })
  parser.on('text', (text) => {
    if (key === null || text.trim() === '') return
    const id = key.slice(11, 47)
    if (key.endsWith('_Name')) labels.set(id, text.trim())
    else if (!labels.has(id)) labels.set(id, '')
  })
  try {
    parser.write(customXml).close()
  } catch {
    return []
  }
  return Array.from(labels, ([id, name]) => ({ id, name }))
}
