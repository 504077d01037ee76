// Text of HTML and XML: what a person would read, with values that tags or entities had torn apart put together again. Must
// never load anything that the markup points to; entities of a document type are not expanded.
import { Tokenizer } from 'htmlparser2'
import { SaxesParser } from 'saxes'

const MAX_TEXT_CHARACTERS = 64 * 1024 * 1024
const breaks = new Set(
  'p div br li tr td th h1 h2 h3 h4 h5 h6 section article table ul ol dl dt dd option title pre blockquote label input button form'.split(
    ' ',
  ),
)

const shown = new Set(['value', 'content', 'href', 'alt', 'title', 'placeholder'])

/**
 * By the tokenizer alone: a parser keeps a stack of open elements, in which every stray end tag is looked for (80,000 of each
 * took 11 s).
 */
export function textOfHtml(html: string): string {
  const out: string[] = []
  let size = 0
  let silent: string | null = null
  let isShown = false
  let isAttribute = false
  const add = (text: string) => {
    if (size < MAX_TEXT_CHARACTERS) out.push(text)
    size += text.length
  }
  const name = (start: number, end: number) => html.slice(start, Math.min(end, start + 40)).toLowerCase()
  const ignore = () => {}
  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: true },
    {
      onopentagname(start, end) {
        const tag = name(start, end)
        if (tag === 'script' || tag === 'style') silent = tag
        if (breaks.has(tag)) add('\n')
      },
      onclosetag(start, end) {
        const tag = name(start, end)
        if (tag === silent) silent = null
        if (breaks.has(tag)) add('\n')
      },
      onattribname(start, end) {
        isShown = shown.has(name(start, end))
        isAttribute = true
        if (isShown) add(' ')
      },
      onattribdata(start, end) {
        if (isShown) add(html.slice(start, end))
      },
      onattribentity(code) {
        if (isShown) add(String.fromCodePoint(code))
      },
      onattribend() {
        if (isShown && isAttribute) add(' ')
        isAttribute = false
      },
      ontext(start, end) {
        if (silent === null) add(html.slice(start, end))
      },
      ontextentity(code) {
        if (silent === null) add(String.fromCodePoint(code))
      },
      oncdata(start, end) {
        add(html.slice(start, end))
      },
      oncomment: ignore,
      ondeclaration: ignore,
      onprocessinginstruction: ignore,
      onopentagend: ignore,
      onselfclosingtag() {
        silent = null
      },
      onend: ignore,
    },
  )
  tokenizer.write(html)
  tokenizer.end()
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
