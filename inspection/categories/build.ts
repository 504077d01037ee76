// Builds an index from the files of all feeds: called in the worker (build-worker.ts), and directly in tests. Must name every
// feed that could not be read, and never drop one silently.
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { asFault, Fault } from '#core/fault.ts'
import { categoryCaps } from './caps.ts'
import { type CsvColumns, type FeedFormat, lineFeeder, lineReader, readCategory, type Tally } from './feed-formats.ts'
import { IndexBuilder } from './index-builder.ts'
import type { IndexArrays } from './index-table.ts'
import { starterEntries } from './starter-list.ts'
import { readStix } from './stix.ts'

export type FeedFile = {
  readonly name: string
  readonly format: FeedFormat
  /** What an entry without a category of its own gets; UT1 directories name theirs. */
  readonly category: string
  readonly columns?: CsvColumns
  /** A file; a directory for `ut1`. */
  readonly path: string
}
export type FeedReport = Tally & { readonly name: string; readonly problem: string | null }
export type BuildRequest = {
  readonly feeds: readonly FeedFile[]
  readonly seed: readonly [number, number]
  readonly nowMs: number
  readonly hasStarter: boolean
}
export type Built = { readonly arrays: IndexArrays; readonly reports: readonly FeedReport[] }

export function buildIndex({ feeds, seed, nowMs, hasStarter }: BuildRequest): Built {
  if (feeds.length > categoryCaps.maxFeeds)
    throw new Fault('request-too-large', { hint: `At most ${categoryCaps.maxFeeds} feeds.` })
  const builder = new IndexBuilder(seed)
  if (hasStarter) for (const { host, category } of starterEntries()) builder.add(host, '', category)
  const reports = feeds.map((feed): FeedReport => {
    const tally: Tally = { entries: 0, unreadable: 0 }
    try {
      readFeed(feed, nowMs, builder, tally)
      return { name: feed.name, ...tally, problem: null }
    } catch (cause) {
      const fault = asFault(cause)
      // What the cap refuses would be refused again and again: not a matter of one feed.
      if (fault.code === 'request-too-large' && builder.entries >= categoryCaps.maxEntries) throw fault
      return { name: feed.name, ...tally, problem: fault.code === 'internal' ? 'it could not be read' : fault.message }
    }
  })
  return { arrays: builder.finish(), reports }
}

function readFeed(feed: FeedFile, nowMs: number, builder: IndexBuilder, tally: Tally): void {
  const category = readCategory(feed.category)
  if (category === null) throw new Fault('configuration-invalid', { hint: `"${feed.category}" is no category name.` })
  const take =
    (named: string) => (entry: { readonly host: string; readonly path: string; readonly category: string }) =>
      builder.add(entry.host, entry.path, entry.category === '' ? named : entry.category)
  if (feed.format === 'stix') {
    if (statSync(feed.path).size > categoryCaps.maxStixBytes)
      throw new Fault('request-too-large', { hint: 'The STIX bundle is too large.' })
    readStix(readFileSync(feed.path, 'utf8'), nowMs, take(category), tally)
  } else if (feed.format === 'ut1') {
    for (const { path, name } of ut1Files(feed.path)) readLines(path, lineFeeder(lineReader('ut1'), take(name), tally))
  } else readLines(feed.path, lineFeeder(lineReader(feed.format, feed.columns), take(category), tally))
}

/** `<directory>/<category>/{domains,urls}`; links are not followed out of the directory. */
function ut1Files(directory: string): readonly { readonly path: string; readonly name: string }[] {
  const entries = readdirSync(directory, { withFileTypes: true }).toSorted((left, right) =>
    left.name < right.name ? -1 : 1,
  )
  if (entries.length > categoryCaps.maxDirectoryEntries)
    throw new Fault('request-too-large', { hint: 'The directory has too many entries.' })
  return entries
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => {
      const name = readCategory(entry.name)
      if (name === null) return []
      return ['domains', 'urls']
        .map((file) => ({ path: join(directory, entry.name, file), name }))
        .filter(({ path }) => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true)
    })
}

function readLines(path: string, feeder: { push(text: string): void; end(): void }): void {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(256 * 1024)
    const decoder = new StringDecoder('utf8')
    let total = 0
    for (let read = readSync(file, bytes); read > 0; read = readSync(file, bytes)) {
      total += read
      if (total > categoryCaps.maxFeedBytes) throw new Fault('request-too-large', { hint: 'The feed is too large.' })
      feeder.push(decoder.write(bytes.subarray(0, read)))
    }
    feeder.push(decoder.end())
    feeder.end()
  } finally {
    closeSync(file)
  }
}
