// Reads the formats lists come in, line by line, into (host, path) entries. Bad lines are counted, never fatal and never
// guessed at: a list that blocks what its author did not mean is worse than one that misses a line. Must never run or
// resolve anything that a list says.
import { domainToASCII } from 'node:url'
import { categoryCaps } from './caps.ts'

export const feedFormats = ['hosts', 'domains', 'csv', 'adblock', 'ut1', 'stix'] as const
export type FeedFormat = (typeof feedFormats)[number]

/** '' for the category where the feed's own is meant. */
export type FeedEntry = { readonly host: string; readonly path: string; readonly category: string }
export type CsvColumns = {
  readonly host: number
  readonly category?: number
  readonly separator?: string
  readonly hasHeader?: boolean
}

/** null: nothing to read (blank, comment); false: a line that cannot be read. */
export type LineReader = (line: string) => readonly FeedEntry[] | null | false

/** What a name may take with a port, stars and dots around it, and letters outside ASCII. */
const MAX_NAME_CHARS = 512
const own = ''
const entry = (host: string, path = '', category = own): FeedEntry => ({ host, path, category })

/** A host, or host and path, with or without scheme; null when it is neither. */
export function readTarget(text: string): { readonly host: string; readonly path: string } | null {
  const bare = text.trim().replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')
  const end = bare.search(/[/?#]/)
  const authority = end < 0 ? bare : bare.slice(0, end)
  const host = readName(authority.replace(/:\d{1,5}$/, ''))
  if (host === null) return null
  const path =
    end < 0 || bare[end] !== '/'
      ? ''
      : (bare
          .slice(end + 1)
          .slice(0, 512)
          .split(/[?#]/)[0] ?? '')
  return { host, path: withoutEnd(path, '/') }
}

/** A pattern for the end of a text tries every place before it again: a line of slashes would cost its square. */
function withoutEnd(text: string, letter: string): string {
  let end = text.length
  while (end > 0 && text[end - 1] === letter) end--
  return text.slice(0, end)
}

function readName(text: string): string | null {
  if (text.length > MAX_NAME_CHARS) return null
  let name = withoutEnd(text.toLowerCase().replace(/^\*\./, '').replace(/^\.+/, ''), '.')
  if (/[^\u0000-\u007f]/.test(name)) name = domainToASCII(name)
  // A single label would cover a whole top-level domain.
  if (!/^[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?$/.test(name) || !name.includes('.') || name.includes('..'))
    return null
  return name.startsWith('www.') && name.indexOf('.', 4) > 0 ? name.slice(4) : name
}

const localNames = new Set([
  'localhost',
  'localhost.localdomain',
  'local',
  'broadcasthost',
  'ip6-localhost',
  'ip6-loopback',
  'ip6-localnet',
  'ip6-mcastprefix',
  'ip6-allnodes',
  'ip6-allrouters',
  'ip6-allhosts',
  '0.0.0.0',
])

const readers: Readonly<Record<Exclude<FeedFormat, 'csv' | 'stix'>, LineReader>> = {
  // `0.0.0.0 name name # comment`
  hosts(line) {
    const [address = '', ...names] = withoutComment(line).split(/\s+/).filter(Boolean)
    if (address === '') return null
    if (!/^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:.%a-z0-9]*)$/i.test(address) || names.length === 0)
      return false
    // Only lines that lead nowhere are blocks; others are somebody's address book.
    if (!/^(?:0\.0\.0\.0|127\.\d+\.\d+\.\d+|::1?|255\.255\.255\.255|fe80::1%lo0|ff0[0-9a-f]::\d+)$/i.test(address))
      return false
    const entries: FeedEntry[] = []
    let isBad = false
    for (const name of names) {
      if (localNames.has(name.toLowerCase())) continue
      const target = readTarget(name)
      if (target === null || target.path !== '') isBad = true
      else entries.push(entry(target.host))
    }
    return isBad && entries.length === 0 ? false : entries
  },
  domains(line) {
    const text = withoutComment(line)
    if (text === '') return null
    const target = /\s/.test(text) ? null : readTarget(text)
    return target === null ? false : [entry(target.host, target.path)]
  },
  // `||name^` with options; everything else of the language is about parts of pages.
  adblock(line) {
    const text = line.trim()
    if (text === '' || text.startsWith('!') || /^\[.*\]$/.test(text)) return null
    const match = /^\|\|([^/^$*|]+)(\/[^^$*|]*)?\^?\|?(?:\$(.*))?$/.exec(text)
    if (!match) return false
    const options = (match[3] ?? '').split(',').filter(Boolean)
    if (options.some((each) => !/^(?:all|doc|document|important|popup|third-party|3p)$/.test(each))) return false
    const target = readTarget(`${match[1] ?? ''}${match[2] ?? ''}`)
    return target === null ? false : [entry(target.host, target.path)]
  },
  // A file `domains` or `urls` of a UT1 directory.
  ut1(line) {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) return null
    const target = readTarget(text)
    return target === null ? false : [entry(target.host, target.path)]
  },
}

function withoutComment(line: string): string {
  const at = line.search(/(?:^|\s)[#;]/)
  return (at < 0 ? line : line.slice(0, at)).trim()
}

export function lineReader(format: Exclude<FeedFormat, 'stix'>, columns: CsvColumns = { host: 0 }): LineReader {
  return format === 'csv' ? csvReader(columns) : readers[format]
}

function csvReader({ host, category, separator = ',', hasHeader = false }: CsvColumns): LineReader {
  let isHeader = hasHeader
  return (line) => {
    if (line.trim() === '' || line.startsWith('#')) return null
    if (isHeader) {
      isHeader = false
      return null
    }
    const cells = splitCsv(line, separator)
    const target = cells === null ? null : readTarget(cells[host] ?? '')
    if (cells === null || target === null) return false
    const named = category === undefined ? own : readCategory(cells[category] ?? '')
    return named === null ? false : [entry(target.host, target.path, named)]
  }
}

/** RFC 4180 within one line; null when a quote stays open. */
function splitCsv(line: string, separator: string): readonly string[] | null {
  const cells: string[] = []
  let cell = ''
  let isQuoted = false
  for (let at = 0; at < line.length; at++) {
    const each = line[at] ?? ''
    if (isQuoted && each === '"' && line[at + 1] === '"') {
      cell += '"'
      at++
    } else if (each === '"' && (isQuoted || cell === '')) isQuoted = !isQuoted
    else if (each === separator && !isQuoted) {
      cells.push(cell)
      cell = ''
    } else cell += each
  }
  cells.push(cell)
  return isQuoted ? null : cells
}

/** Lower case, words joined by hyphens: `Social Networks` → `social-networks`. */
export function readCategory(text: string): string | null {
  const name = text
    .trim()
    .toLowerCase()
    .replace(/[\s_/]+/g, '-')
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(name) ? name : null
}

export type Tally = { entries: number; unreadable: number }

/** Feeds text in chunks to a reader of lines; a line over the cap is one unreadable line. */
export function lineFeeder(
  reader: LineReader,
  take: (entry: FeedEntry) => boolean,
  tally: Tally,
): { push(text: string): void; end(): void } {
  let kept = ''
  let isTooLong = false
  const line = (text: string) => {
    const found =
      isTooLong || text.length > categoryCaps.maxLineChars
        ? false
        : reader(text.endsWith('\r') ? text.slice(0, -1) : text)
    isTooLong = false
    if (found === null) return
    if (found === false) tally.unreadable++
    else
      for (const each of found)
        if (take(each)) tally.entries++
        else tally.unreadable++
  }
  return {
    push(text) {
      const all = kept + text
      let from = 0
      for (let end = all.indexOf('\n'); end >= 0; end = all.indexOf('\n', from)) {
        line(all.slice(from, end))
        from = end + 1
      }
      kept = all.slice(from)
      if (kept.length > categoryCaps.maxLineChars) {
        kept = ''
        isTooLong = true
      }
    },
    end() {
      if (kept !== '' || isTooLong) line(kept)
      kept = ''
    },
  }
}
