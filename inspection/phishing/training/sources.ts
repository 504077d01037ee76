// Reads the URL sets that the model is trained on (SOURCES.md names their origin) and says of which source and year each
// row is. The sets stay outside the repository. Must never resolve or request a URL.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, readAddress } from '#inspection/phishing/address.ts'
import { stableHash } from './random.ts'

/** `jpcert`, `ut1-phishing`, `made-up`: phishing. `smallweb`, `pdd`, `ut1`, `known`: benign. */
export type SourceName = 'jpcert' | 'ut1-phishing' | 'made-up' | 'smallweb' | 'pdd' | 'ut1' | 'known'
export type UrlRow = {
  readonly source: SourceName
  readonly isPhishing: boolean
  /** 0 where the set has no date. */
  readonly year: number
  /** `2024-06-30`, where the set says when a row was first listed; else ''. */
  readonly firstSeen: string
  readonly address: Address
}
export type Corpus = { readonly rows: readonly UrlRow[]; readonly unreadable: Readonly<Record<SourceName, number>> }

const files = {
  jpcert: 'phish-jpcert-2019_2024.tsv.xz',
  smallweb: 'benign-smallweb-to-2025-06.tsv.xz',
  pdd: 'benign-pdd-2018.tsv.xz',
  ut1: 'ut1-categories.tsv.xz',
} as const

export const hasSources = (folder: string): boolean =>
  Object.values(files).every((file) => existsSync(join(folder, file)))

/** Lists of ordinary sites. Left out: lists of what hides, cheats or moves on (redirectors, casinos' mirrors, job scams). */
const ordinary = new Set(
  `shopping games press bank sports audio-video blog liste_bu radio celebrity forums cooking manga liste_blanche
financial webmail translation update social_networks child educational_games mobile-phone cleaning chat`.split(/\s+/),
)

export function readSources(folder: string, share = 1): Corpus {
  const rows: UrlRow[] = []
  const unreadable: Record<SourceName, number> = {
    jpcert: 0,
    'ut1-phishing': 0,
    'made-up': 0,
    smallweb: 0,
    pdd: 0,
    ut1: 0,
    known: 0,
  }
  const seen = new Set<string>()
  const add = (source: SourceName, url: string, year: number, isHostOnly: boolean, firstSeen = ''): void => {
    if (share < 1 && stableHash(url) / 2 ** 32 >= share) return
    const read = readAddress(url)
    if (read.kind === 'unreadable') {
      unreadable[source]++
      return
    }
    const address = isHostOnly ? { ...read, path: '', query: '', fragment: '' } : read
    const key = `${address.host}/${address.path}?${address.query}`
    const isPhishing = source === 'jpcert' || source === 'ut1-phishing'
    if (seen.has(`${isPhishing} ${key}`)) return
    seen.add(`${isPhishing} ${key}`)
    rows.push({ source, isPhishing, year, firstSeen, address })
  }
  for (const [date = '', url = ''] of linesOf(folder, files.jpcert))
    add('jpcert', url, Number(date.slice(0, 4)) || 0, false)
  for (const [firstSeen = '', , url = ''] of linesOf(folder, files.smallweb)) add('smallweb', url, 0, true, firstSeen)
  for (const [, url = ''] of linesOf(folder, files.pdd)) add('pdd', url, 2018, false)
  for (const [category = '', kind = '', entry = ''] of linesOf(folder, files.ut1)) {
    if (category === 'phishing') add('ut1-phishing', entry, 0, false)
    // Numbers of machines among the domains say nothing about names.
    else if (ordinary.has(category) && !/^[\d.]+(?:\/|$)/.test(entry)) add('ut1', entry, 0, kind === 'domains')
  }
  return { rows, unreadable }
}

function* linesOf(folder: string, file: string): Generator<readonly string[]> {
  const text = execFileSync('xz', ['-dc', join(folder, file)], { maxBuffer: 512 * 1024 * 1024, encoding: 'utf8' })
  for (const line of text.split('\n')) if (line !== '') yield line.split('\t')
}
