// Keeps the index of categories fresh: fetches or reads each feed on its schedule, builds in a worker, swaps whole indexes
// between two look-ups. Must never leave traffic without the last good index, never let a feed's failure empty its part,
// and fetch only through the injected fetcher (which knows which addresses are allowed).
import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { asFault, Fault } from '#core/fault.ts'
import type { FeedFile, FeedReport } from './build.ts'
import type { BuildAnswer } from './build-worker.ts'
import { categoryCaps } from './caps.ts'
import { type CsvColumns, type FeedFormat, readCategory } from './feed-formats.ts'
import { CategoryIndex } from './index-table.ts'

export type FeedConfig = {
  /** Lower-case name; also the file name of the kept copy. */
  readonly name: string
  readonly format: FeedFormat
  readonly category: string
  readonly columns?: CsvColumns
  readonly source: { readonly kind: 'file'; readonly path: string } | { readonly kind: 'url'; readonly url: string }
  readonly intervalMs: number
}
export type Fetched =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'body'; readonly etag: string; readonly body: AsyncIterable<Uint8Array> }
export type FeedsConfig = {
  readonly feeds: readonly FeedConfig[]
  /** Where copies are kept. */ readonly folder: string
  readonly hasStarter: boolean
}
export type FeedsDeps = {
  readonly fetchFeed: (
    url: string,
    options: { readonly etag: string; readonly signal: AbortSignal },
  ) => Promise<Fetched>
  readonly nowMs: () => number
  /** A failure, or lines that could not be read: for the operator's log and the console. */
  readonly report: (report: FeedReport) => void
  readonly seed?: readonly [number, number]
  /** Milliseconds for one fetch, its body included; default in caps.ts. */
  readonly fetchTimeoutMs?: number
}
export type Feeds = AsyncDisposable & {
  /** The index in force: ask anew for each look-up, it is swapped. */
  readonly index: CategoryIndex
  readonly reports: readonly FeedReport[]
  /** Fetches what is due (or all) and rebuilds when anything changed. */
  refresh(options?: { readonly isForced?: boolean }): Promise<void>
  close(): Promise<void>
  destroy(fault: Fault): void
}

type State = { readonly config: FeedConfig; readonly path: string; etag: string; seen: string; dueMs: number }

/** Resolves when the first index is in force, with the kept copies where a source cannot be reached. */
export async function startFeeds(config: FeedsConfig, deps: FeedsDeps): Promise<Feeds> {
  const states = check(config).map((feed): State => {
    const path = feed.source.kind === 'file' ? feed.source.path : join(config.folder, `${feed.name}.feed`)
    return { config: feed, path, etag: feed.source.kind === 'url' ? keptEtag(path) : '', seen: '', dueMs: 0 }
  })
  mkdirSync(config.folder, { recursive: true, mode: 0o700 })
  const seed = deps.seed ?? ([randomInt(2 ** 32), randomInt(2 ** 32)] as const)
  const stop = new AbortController()
  let index = new CategoryIndex((await build([], seed, deps.nowMs(), config.hasStarter, stop.signal)).arrays)
  let reports: readonly FeedReport[] = []
  let running: Promise<void> | null = null
  let timer: NodeJS.Timeout | undefined

  const refresh = (isForced: boolean, isFirst = false): Promise<void> => {
    running ??= (async () => {
      try {
        let hasChanged = isFirst
        for (const state of states) {
          if (stop.signal.aborted) return
          if (isForced || state.dueMs <= deps.nowMs())
            hasChanged = (await bring(state, deps, stop.signal)) || hasChanged
        }
        if (!hasChanged || stop.signal.aborted) return
        const feeds = states
          .filter(({ path }) => statSync(path, { throwIfNoEntry: false }) !== undefined)
          .map(({ config: { name, format, category, columns }, path }): FeedFile => ({
            name,
            format,
            category,
            path,
            ...(columns && { columns }),
          }))
        const built = await build(feeds, seed, deps.nowMs(), config.hasStarter, stop.signal)
        const broken = built.reports.filter(({ problem }) => problem !== null)
        for (const each of built.reports) if (each.problem !== null || each.unreadable > 0) deps.report(each)
        // A feed that was good and is broken now would take its entries along: the last good index stays.
        if (broken.some(({ name }) => reports.some((before) => before.name === name && before.problem === null))) return
        index = new CategoryIndex(built.arrays)
        reports = built.reports
      } catch (cause) {
        if (!stop.signal.aborted) deps.report({ name: '*', entries: 0, unreadable: 0, problem: asFault(cause).message })
      } finally {
        running = null
      }
    })()
    return running
  }
  const arm = () => {
    const next = Math.min(...states.map(({ dueMs }) => dueMs))
    if (stop.signal.aborted || !Number.isFinite(next)) return
    timer = setTimeout(
      () => void refresh(false).finally(arm),
      Math.min(2 ** 31 - 1, Math.max(1000, next - deps.nowMs())),
    )
    timer.unref()
  }
  await refresh(true, true)
  arm()

  const halt = () => {
    stop.abort()
    clearTimeout(timer)
  }
  const close = async () => {
    halt()
    await running
  }
  return {
    get index() {
      return index
    },
    get reports() {
      return reports
    },
    refresh: ({ isForced = false } = {}) => refresh(isForced),
    close,
    destroy: halt,
    [Symbol.asyncDispose]: close,
  }
}

function check({ feeds }: FeedsConfig): readonly FeedConfig[] {
  const refuse = (hint: string) => new Fault('configuration-invalid', { hint })
  if (feeds.length > categoryCaps.maxFeeds) throw refuse(`At most ${categoryCaps.maxFeeds} feeds.`)
  const names = new Set<string>()
  for (const { name, category, intervalMs, source } of feeds) {
    if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name) || names.has(name))
      throw refuse(`"${name}" is no feed name, or is there twice.`)
    if (readCategory(category) === null) throw refuse(`"${category}" of feed ${name} is no category name.`)
    if (!(intervalMs >= categoryCaps.minIntervalMs))
      throw refuse(`Feed ${name} asks for an interval below ${categoryCaps.minIntervalMs} ms.`)
    if (source.kind === 'url' && !source.url.startsWith('https://'))
      throw refuse(`Feed ${name} must be fetched over https.`)
    names.add(name)
  }
  return feeds
}

/** True when there is something new to build from. Failures are reported, and tried again sooner. */
async function bring(state: State, deps: FeedsDeps, stop: AbortSignal): Promise<boolean> {
  const { source, intervalMs, name } = state.config
  state.dueMs = deps.nowMs() + intervalMs
  try {
    if (source.kind === 'file') {
      const stat = statSync(source.path)
      const mark = `${stat.mtimeMs} ${stat.size} ${stat.ino}`
      // The time of a directory says nothing about files deeper down.
      const hasChanged = stat.isDirectory() || mark !== state.seen
      state.seen = mark
      return hasChanged
    }
    const signal = AbortSignal.any([stop, AbortSignal.timeout(deps.fetchTimeoutMs ?? categoryCaps.fetchTimeoutMs)])
    const fetched = await deps.fetchFeed(source.url, { etag: state.etag, signal })
    if (fetched.kind === 'unchanged') return false
    await keep(state.path, fetched.body, signal)
    state.etag = fetched.etag
    writeFileSync(`${state.path}.etag`, fetched.etag, { mode: 0o600 })
    return true
  } catch (cause) {
    state.dueMs = deps.nowMs() + Math.min(intervalMs, categoryCaps.retryMs)
    if (!stop.aborted)
      deps.report({ name, entries: 0, unreadable: 0, problem: `it could not be fetched: ${asFault(cause).message}` })
    return false
  }
}

function keptEtag(path: string): string {
  try {
    return statSync(path).isFile() ? readFileSync(`${path}.etag`, 'utf8').slice(0, 200) : ''
  } catch {
    return ''
  }
}

/** Whole or not at all: a fetch that breaks off leaves the copy of before. */
async function keep(path: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  const temporary = `${path}.new`
  let total = 0
  try {
    await using file = await open(temporary, 'w', 0o600)
    for await (const chunk of untilAborted(body, signal)) {
      total += chunk.length
      if (total > categoryCaps.maxFeedBytes) throw new Fault('request-too-large', { hint: 'The feed is too large.' })
      await file.writeFile(chunk)
    }
    if (total === 0) throw new Fault('document-invalid', { hint: 'The feed is empty.' })
    await file.sync()
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw cause
  }
  renameSync(temporary, path)
}

/** Ends with the signal also where the body hangs and does not listen. */
async function* untilAborted(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]()
  const aborted = new Promise<never>((_, fail) => {
    if (signal.aborted) fail(signal.reason)
    signal.addEventListener('abort', () => fail(signal.reason), { once: true })
  })
  aborted.catch(() => {})
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), aborted])
      if (done === true) return
      yield value
    }
  } finally {
    void Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

type Built = Extract<BuildAnswer, { kind: 'built' }>

function build(
  feeds: readonly FeedFile[],
  seed: readonly [number, number],
  nowMs: number,
  hasStarter: boolean,
  signal: AbortSignal,
): Promise<Built> {
  return new Promise((done, fail) => {
    const worker = new Worker(new URL('build-worker.ts', import.meta.url), {
      workerData: { feeds, seed, nowMs, hasStarter },
      resourceLimits: { maxOldGenerationSizeMb: categoryCaps.buildHeapMb },
    })
    const end = (finish: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      void worker.terminate()
      finish()
    }
    const onAbort = () => end(() => fail(new Fault('closing')))
    const timer = setTimeout(
      () => end(() => fail(new Fault('internal', { detail: { why: 'the index took too long to build' } }))),
      categoryCaps.buildTimeoutMs,
    )
    signal.addEventListener('abort', onAbort, { once: true })
    worker.once('message', (answer: BuildAnswer) =>
      end(() =>
        answer.kind === 'built' ? done(answer) : fail(new Fault('document-invalid', { hint: answer.message })),
      ),
    )
    worker.once('error', (cause) => end(() => fail(new Fault('internal', { cause }))))
    worker.once('exit', () =>
      end(() => fail(new Fault('internal', { detail: { why: 'the worker ended without an answer' } }))),
    )
  })
}
