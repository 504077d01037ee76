// Events as they are written: at once in this process, by looking at the files for other processes. Must never order a
// caller to keep up: what is not yet read waits in the files, not in memory.
import type { TenantId } from '#core/ids.ts'
import { FOLLOW_POLL_MS, MAX_FOLLOWED_CHAINS, MAX_FOLLOWED_EPOCHS, READ_CHUNK_BYTES } from './caps.ts'
import { formatCursor, parseCursor } from './cursor.ts'
import type { Journal } from './journal.ts'
import { listChains, listSegments, parseWriter, type ChainPlace } from './layout.ts'
import { compileMatch, type EventMatch } from './match.ts'
import type { JournalEntry } from './read.ts'
import { parseEvent } from './record.ts'
import { lastRecord } from './scan.ts'
import { ChainTail } from './tail.ts'

export type FollowQuery = {
  readonly tenant: TenantId
  /** Go on after a cursor (of order oldest-first, or of an earlier following); default: what is
   *  written after the first event was asked for. */
  readonly afterCursor?: string
  readonly match?: EventMatch
  /** Ends the following; without it, leave the loop. */
  readonly signal: AbortSignal
}

export type FollowDeps = {
  /** A journal of this process under the same root: its records arrive without waiting for the next look. */
  readonly journal?: Pick<Journal, 'subscribe'>
  readonly pollMs?: number
}

export type EventFollowing = AsyncIterable<JournalEntry> & {
  /** Where to go on after the event handed out last. */
  readonly cursor: () => string
}

/** Throws `request-malformed` for a bad cursor or filter. Ends when the signal aborts. */
export function followEvents(root: string, query: FollowQuery, deps: FollowDeps = {}): EventFollowing {
  const start = query.afterCursor === undefined ? undefined : parseCursor('oldest-first', query.afterCursor)
  const matches = compileMatch(query.match)
  const positions = new Map(start)
  const { tenant, signal } = query

  async function* entries(): AsyncGenerator<JournalEntry, void> {
    const tails = new Map<string, ChainTail>()
    const bell = startBell(tenant, signal, deps)
    try {
      if (start === undefined) {
        for (const [writer, last] of parseCursor('oldest-first', await endOfJournal(root, tenant)))
          positions.set(writer, last)
      }
      while (!signal.aborted) {
        bell.reset()
        const chains = await followedChains(root, tenant)
        await letGo(tails, chains)
        for (const place of chains) {
          const { writer } = place
          const tail = tails.get(writer) ?? new ChainTail(place, positions.get(writer) ?? 0)
          tails.set(writer, tail)
          for (;;) {
            const chunk = signal.aborted ? undefined : await tail.read(READ_CHUNK_BYTES)
            if (chunk === undefined) break
            for (const { sequence, timeMs, hash, json } of chunk.records) {
              positions.set(writer, sequence)
              const event = parseEvent(json)
              if (event === undefined || !matches(event)) continue
              yield { tenant, writer, sequence, timeMs, hash, event }
              if (signal.aborted) return
            }
          }
        }
        await bell.rung()
      }
    } finally {
      bell.close()
      for (const tail of tails.values()) await tail.close()
    }
  }

  const stream = entries()
  return { [Symbol.asyncIterator]: () => stream, cursor: () => formatCursor('oldest-first', positions) }
}

/** Where the journal ends at this moment: whoever goes on from there gets what is written from now on. */
export async function endOfJournal(root: string, tenant: TenantId): Promise<string> {
  const positions = new Map<string, number>()
  for (const place of await followedChains(root, tenant)) positions.set(place.writer, await lastSequence(place))
  return formatCursor('oldest-first', positions)
}

/** The newest epochs of every writer, so that no writer's pile of them takes the place of another's events. */
async function followedChains(root: string, tenant: TenantId): Promise<ChainPlace[]> {
  const taken = new Map<string, number>()
  const ranked: { readonly place: ChainPlace; readonly age: number }[] = []
  for (const place of (await listChains(root, tenant)).toReversed()) {
    const { name } = parseWriter(place.writer) ?? { name: place.writer }
    const age = taken.get(name) ?? 0
    taken.set(name, age + 1)
    if (age < MAX_FOLLOWED_EPOCHS) ranked.push({ place, age })
  }
  return ranked
    .toSorted((one, other) => one.age - other.age)
    .slice(0, MAX_FOLLOWED_CHAINS)
    .map(({ place }) => place)
}

async function letGo(tails: Map<string, ChainTail>, chains: readonly ChainPlace[]): Promise<void> {
  if (tails.size <= chains.length) return
  const followed = new Set(chains.map(({ writer }) => writer))
  for (const [writer, tail] of tails) {
    if (followed.has(writer)) continue
    tails.delete(writer)
    await tail.close()
  }
}

type Bell = { readonly reset: () => void; readonly rung: () => Promise<void>; readonly close: () => void }

// Rings when this process wrote, when it is time to look at the files, and when the caller aborts.
function startBell(tenant: TenantId, signal: AbortSignal, deps: FollowDeps): Bell {
  let ring = Promise.withResolvers<void>()
  const ringNow = (): void => ring.resolve()
  const unsubscribe = deps.journal?.subscribe((of) => {
    if (of === tenant) ringNow()
  })
  const poll = setInterval(ringNow, deps.pollMs ?? FOLLOW_POLL_MS)
  signal.addEventListener('abort', ringNow, { once: true })
  return {
    reset: () => {
      ring = Promise.withResolvers<void>()
      if (signal.aborted) ring.resolve()
    },
    rung: async () => await ring.promise,
    close: () => {
      clearInterval(poll)
      unsubscribe?.()
      signal.removeEventListener('abort', ringNow)
    },
  }
}

async function lastSequence(place: ChainPlace): Promise<number> {
  const segments = await listSegments(place.dir)
  for (const first of segments.toReversed()) {
    const record = await lastRecord(place, first)
    if (record !== undefined) return record.sequence
  }
  return (segments[0] ?? 1) - 1
}
