// A tenant's events in pages, newest first: out of the journal's segments, and where those end out of the lake, as one
// reading merged by time. Must never leave an event out or give it twice because it moved from the one to the other.
import * as z from 'zod'
import { Fault, isFault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { parseCursor } from '#journal/cursor.ts'
import { listChains, listSegments, parseWriter } from '#journal/layout.ts'
import { readEvents, type EventReading, type JournalEntry } from '#journal/read.ts'
import { parseEvent } from '#journal/record.ts'
import { caps } from './caps.ts'
import type { EventPage, EventQuery } from './context.ts'
import type { LakeReading, PlaceInLake, RunningLake } from './lake-port.ts'

type Bounds = Readonly<Record<string, number>>
type Item = EventPage['items'][number]

/** Where a reading stands that goes on in the lake. */
type Place = {
  /** Cursor of the journal's reading; empty: nothing of it was given. */
  readonly journal: string
  /** What the lake was asked below: it must not come nearer, or what was given out comes again. */
  readonly below: Bounds
  readonly lake: PlaceInLake | null
}

const PREFIX = 'lake.'
/** Pages begun anew because segments went while they were read. */
const MOST_ATTEMPTS = 4

const writer = z.string().refine((text) => parseWriter(text) !== undefined)
const whole = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)
const placeForm = z.strictObject({
  j: z.string().max(1_048_576),
  b: z.record(writer, whole),
  l: z.tuple([whole, writer, whole]).nullable(),
})

/** Throws `request-malformed`, and what the lake throws. */
export async function pageOfEvents(
  root: string,
  tenant: TenantId,
  query: EventQuery,
  lake: RunningLake | null,
): Promise<EventPage> {
  const place = placeOf(query.after)
  if (lake === null) {
    if (place.lake !== null) throw new Fault('lake-unavailable')
    return await readPage(root, tenant, query, place, null)
  }
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const floors = await floorsOf(root, tenant)
    const cold = await coldOf(lake, tenant, floors, place, query.fromMs)
    const page = await readPage(root, tenant, query, place, cold instanceof Fault ? null : cold)
    // What the segments have is shown; that nothing is behind them is not said by who does not know.
    if (cold instanceof Fault && (page.next === null || place.lake !== null)) throw cold
    // Segments that went meanwhile were perhaps neither read here nor asked of the lake.
    if (isEqual(floors, await floorsOf(root, tenant))) return page
  }
  throw new Fault('at-capacity', { hint: 'The journal is being tidied; ask again.' })
}

async function coldOf(
  lake: RunningLake,
  tenant: TenantId,
  floors: ReadonlyMap<string, number>,
  place: Place,
  fromMs: number | undefined,
): Promise<Cold | null | Fault> {
  try {
    const below = boundsOf(floors, await lake.writers(tenant), place)
    const newestMs = await lake.newestCold(tenant, below, fromMs)
    return newestMs === null ? null : { lake, below, newestMs }
  } catch (error) {
    if (isFault(error, 'lake-corrupt')) return error
    throw error
  }
}

type Cold = { readonly lake: RunningLake; readonly below: Bounds; readonly newestMs: number }

async function readPage(
  root: string,
  tenant: TenantId,
  query: EventQuery,
  place: Place,
  cold: Cold | null,
): Promise<EventPage> {
  const { fromMs, untilMs, limit } = query
  const match = { fields: query.fields, ...(query.text !== undefined && { text: query.text }) }
  const range = { ...(fromMs !== undefined && { fromMs }), ...(untilMs !== undefined && { untilMs }) }
  const after = place.journal === '' ? {} : { afterCursor: place.journal }
  const journal = new JournalSide(readEvents(root, { tenant, order: 'newest-first', limit, match, ...range, ...after }))
  const old = new LakeSide(cold, { tenant, ...range, match, limit }, place.lake)
  const cursor = (): string =>
    cold === null && place.lake === null
      ? journal.cursor()
      : formatPlace({ journal: journal.cursor(), below: cold?.below ?? place.below, lake: old.place })
  const items: Item[] = []
  try {
    while (items.length < limit) {
      const newest = await journal.peek()
      const oldest = await old.peek(newest?.timeMs ?? null)
      if (oldest !== undefined && (newest === undefined || isBefore(oldest, newest))) {
        old.take()
        const event = parseEvent(Buffer.from(oldest.json))
        if (event !== undefined) items.push({ cursor: cursor(), writer: oldest.writer, event })
      } else if (newest !== undefined) {
        journal.take()
        items.push({ cursor: cursor(), writer: newest.writer, event: newest.event })
      } else break
    }
    return { items, next: journal.isOver && !old.isMore ? null : cursor() }
  } finally {
    await journal.close()
  }
}

/** Among equal times by writer, as the journal's own merge has it. */
function isBefore(old: PlaceInLake, { timeMs, writer: of }: JournalEntry): boolean {
  return old.recordedMs > timeMs || (old.recordedMs === timeMs && old.writer < of)
}

/** The journal's reading, with one event looked at before it is taken. */
class JournalSide {
  readonly #reading: EventReading
  readonly #entries: AsyncIterator<JournalEntry>
  #head: JournalEntry | undefined
  #isDone = false

  constructor(reading: EventReading) {
    this.#reading = reading
    this.#entries = reading[Symbol.asyncIterator]()
  }

  async peek(): Promise<JournalEntry | undefined> {
    if (this.#head !== undefined || this.#isDone) return this.#head
    const next = await this.#entries.next()
    if (next.done === true) this.#isDone = true
    else this.#head = next.value
    return this.#head
  }

  take(): void {
    this.#head = undefined
  }

  /** Nothing is left in the segments. */
  get isOver(): boolean {
    return this.#isDone && this.#reading.end() === 'all'
  }

  cursor(): string {
    return this.#head === undefined ? this.#reading.cursor() : this.#reading.cursorBefore()
  }

  async close(): Promise<void> {
    await this.#entries.return?.()
  }
}

type FromLake = Awaited<ReturnType<RunningLake['cold']>>

/** The lake's part, which is not asked before the journal has come down to it. */
class LakeSide {
  readonly #cold: Cold | null
  readonly #query: Omit<LakeReading, 'below' | 'after'>
  #page: FromLake | undefined
  #at = 0
  place: PlaceInLake | null

  constructor(cold: Cold | null, query: Omit<LakeReading, 'below' | 'after'>, place: PlaceInLake | null) {
    this.#cold = cold
    this.#query = query
    this.place = place
  }

  async peek(journalMs: number | null): Promise<FromLake['items'][number] | undefined> {
    if (this.#cold === null || (journalMs !== null && journalMs > this.#cold.newestMs)) return undefined
    if (this.#page === undefined || (this.#at >= this.#page.items.length && this.#page.isMore)) {
      const { lake, below } = this.#cold
      const reading = { ...this.#query, below, ...(this.place !== null && { after: this.place }) }
      this.#page = await lake.cold(reading, AbortSignal.timeout(caps.lakePageMs.default))
      this.#at = 0
    }
    return this.#page.items[this.#at]
  }

  take(): void {
    const taken = this.#page?.items[this.#at++]
    if (taken === undefined) return
    const { recordedMs, writer: of, sequence } = taken
    this.place = { recordedMs, writer: of, sequence }
  }

  /** As far as is known without asking. */
  get isMore(): boolean {
    if (this.#cold === null) return false
    return this.#page === undefined || this.#page.isMore || this.#at < this.#page.items.length
  }
}

/** Writer → the first sequence that the journal still has; everything before is gone from it. */
async function floorsOf(root: string, tenant: TenantId): Promise<Map<string, number>> {
  const floors = new Map<string, number>()
  for (const { writer: of, dir } of await listChains(root, tenant))
    floors.set(of, (await listSegments(dir))[0] ?? Number.MAX_SAFE_INTEGER)
  return floors
}

function isEqual(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): boolean {
  // What a writer writes first while it is read is newer than the page.
  return [...one].every(([of, floor]) => other.get(of) === floor || floor === Number.MAX_SAFE_INTEGER)
}

// What was given out of the segments is not asked of the lake when it has become files since.
function boundsOf(
  floors: ReadonlyMap<string, number>,
  writers: readonly string[],
  { journal, below }: Pick<Place, 'journal' | 'below'>,
): Bounds {
  const seen = journal === '' ? undefined : parseCursor('newest-first', journal)
  const newest = new Map<string, number>()
  for (const text of seen?.keys() ?? []) {
    const { name, epoch } = parseWriter(text) ?? { name: text, epoch: 1 }
    newest.set(name, Math.max(epoch, newest.get(name) ?? 0))
  }
  const bounds: Record<string, number> = { ...below }
  for (const chain of writers) {
    // A chain that the journal has nothing of any more.
    const floor = floors.get(chain) ?? Number.MAX_SAFE_INTEGER
    const at = seen?.get(chain)
    const { name, epoch } = parseWriter(chain) ?? { name: chain, epoch: 1 }
    // A writer that appeared since is newer than all that was shown.
    const isNewer =
      seen !== undefined && at === undefined && epoch > (newest.get(name) ?? (floors.has(chain) ? 0 : epoch))
    const bound =
      at !== undefined ? Math.max(below[chain] ?? 0, Math.min(floor, at)) : (below[chain] ?? (isNewer ? 0 : floor))
    // Most chains are still whole: they are not named, for cursors to stay short.
    if (bound > 1) bounds[chain] = bound
    else delete bounds[chain]
  }
  return bounds
}

function formatPlace({ journal, below, lake }: Place): string {
  const form = { j: journal, b: below, l: lake === null ? null : [lake.recordedMs, lake.writer, lake.sequence] }
  return `${PREFIX}${Buffer.from(JSON.stringify(form)).toString('base64url')}`
}

/** A client's text: it names places only, and a wrong one shows other events of the same tenant at worst. */
function placeOf(text: string | undefined): Place {
  if (text === undefined || !text.startsWith(PREFIX)) return { journal: text ?? '', below: {}, lake: null }
  try {
    const { j, b, l } = placeForm.parse(JSON.parse(Buffer.from(text.slice(PREFIX.length), 'base64url').toString()))
    return { journal: j, below: b, lake: l === null ? null : { recordedMs: l[0], writer: l[1], sequence: l[2] } }
  } catch (cause) {
    throw new Fault('request-malformed', { hint: 'The cursor is not valid for this order.', cause })
  }
}
