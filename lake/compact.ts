// Sealed journal segments become files: one step takes a batch of one chain, writes a file for each day in it, and puts
// all of them in force in one manifest. Must never let a segment go before that; removing them is the journal's owner's,
// up to the watermark that this gives.
import type { TenantId } from '#core/ids.ts'
import { listChains } from '#journal/layout.ts'
import type { JournalKey } from '#journal/statement.ts'
import { MAX_DAYS_PER_BATCH, type LakeCaps } from './caps.ts'
import type { Database, Session } from './database.ts'
import { dayOf, dayStartMs } from './layout.ts'
import { commitManifest, readManifest } from './manifest.ts'
import type { Head, LakeChain, LakeFile, Manifest, OnStep } from './manifest.ts'
import { writeParquet } from './parquet.ts'
import { rowOf } from './row.ts'
import { nextBatch, proveSegment, type Batch, type SegmentProblem } from './segments.ts'

export type CompactRequest = {
  readonly folder: string
  readonly journalRoot: string
  readonly tenant: TenantId
  readonly keys: readonly JournalKey[]
  readonly caps: LakeCaps
  readonly signal: AbortSignal
  readonly onStep?: OnStep | undefined
}

export type Watermark = { readonly writer: string; readonly through: number }

export type Compaction = {
  readonly rows: number
  readonly files: number
  readonly bytes: number
  /** Records that the journal removed before they came here; only those noticed in this run. */
  readonly missedRows: number
  readonly problems: readonly SegmentProblem[]
  /** Everything up to here is on the disk and in force: segments that end there may go. */
  readonly watermarks: readonly Watermark[]
}

/** Takes in every sealed segment of a tenant. One call per lake and tenant at a time is the caller's duty. */
export async function compactTenant(database: Database, request: CompactRequest): Promise<Compaction> {
  const { journalRoot, tenant, keys, caps, signal, folder } = request
  let manifest = await readManifest(folder, tenant)
  const done = { rows: 0, files: 0, bytes: 0, missedRows: 0 }
  const problems: SegmentProblem[] = []
  for (const place of await listChains(journalRoot, tenant)) {
    for (;;) {
      signal.throwIfAborted()
      const batch = await nextBatch(place, manifest.chains[place.writer], keys, caps.maxBatchBytes)
      problems.push(...batch.problems)
      if (batch.segments.length === 0) break
      using session = await database.connect(signal)
      const taken = await takeBatch(session, batch, manifest, request)
      problems.push(...taken.problems)
      if (taken.manifest === undefined) break
      await commitManifest(folder, taken.manifest, request.onStep)
      manifest = taken.manifest
      done.rows += taken.rows
      done.files += taken.files.length
      done.bytes += taken.files.reduce((sum, file) => sum + file.bytes, 0)
      done.missedRows += batch.missedRows
      if (taken.problems.length > 0) break
    }
  }
  const watermarks = Object.entries(manifest.chains).map(([writer, { through }]) => ({ writer, through }))
  return { ...done, problems, watermarks }
}

type Taken = {
  readonly manifest: Manifest | undefined
  readonly files: readonly LakeFile[]
  readonly rows: number
  readonly problems: readonly SegmentProblem[]
}

async function takeBatch(
  session: Session,
  { place, start, segments, missedRows }: Batch,
  manifest: Manifest,
  { folder, tenant, signal, onStep }: CompactRequest,
): Promise<Taken> {
  const heads: Head[] = []
  const problems: SegmentProblem[] = []
  const writer = await session.createRows('batch')
  let end = start
  for (const segment of segments) {
    const proven = await proveSegment(
      place,
      segment,
      end,
      ({ record, event }) => writer.add(rowOf(place.writer, record, event)),
      signal,
    )
    if ('kind' in proven) {
      problems.push(proven)
      break
    }
    heads.push(proven)
    end = { sequence: proven.last, hash: proven.lastHash }
  }
  writer.finish()
  if (heads.length === 0) return { manifest: undefined, files: [], rows: 0, problems }
  // Of a segment that turned out damaged, what came before the damage is not taken either.
  if (problems.length > 0) await session.run('DELETE FROM batch WHERE sequence > $end', { end: end.sequence })
  const removed = await dropRemovedDays(session, manifest)
  const files: LakeFile[] = []
  for (const day of await daysOf(session)) {
    const source = `SELECT * FROM batch WHERE "time" >= ${day.fromMs} AND "time" < ${day.untilMs}`
    const file = { day: day.name, writer: place.writer, first: day.first, last: day.last }
    files.push(await writeParquet(session, source, { folder, tenant, file, onStep }))
  }
  const before = manifest.chains[place.writer]
  const chain: LakeChain = {
    through: end.sequence,
    hash: end.hash,
    heads: [...(before?.heads ?? []), withRemoved(joinHeads(heads), removed)],
    missedRows: (before?.missedRows ?? 0) + missedRows,
  }
  return {
    manifest: {
      ...manifest,
      version: manifest.version + 1,
      files: [...withoutTwice(manifest.files, files), ...files],
      chains: { ...manifest.chains, [place.writer]: chain },
    },
    files,
    rows: files.reduce((sum, file) => sum + file.rows, 0),
    problems,
  }
}

/** Segments that follow each other prove as one: from before the first to the last one's signature. */
export function joinHeads(heads: readonly Head[]): Head {
  const [first] = heads
  const last = heads.at(-1)
  if (first === undefined || last === undefined) throw new TypeError('no heads')
  const removedRows = heads.reduce((sum, head) => sum + head.removedRows, 0)
  return { ...last, first: first.first, previousHash: first.previousHash, removedRows }
}

function withRemoved(head: Head, rows: number): Head {
  return rows === 0 ? head : { ...head, removedRows: head.removedRows + rows }
}

function withoutTwice(old: readonly LakeFile[], fresh: readonly LakeFile[]): readonly LakeFile[] {
  const key = (file: LakeFile): string => `${file.day}/${file.writer}/${file.first}/${file.last}`
  const replaced = new Set(fresh.map(key))
  return old.filter((file) => !replaced.has(key(file)))
}

// A late segment of days that retention has removed must not bring them back.
async function dropRemovedDays(session: Session, { removedBefore }: Manifest): Promise<number> {
  if (removedBefore === null) return 0
  const cutoff = dayStartMs(removedBefore)
  const [found] = await session.rows('SELECT count(*)::DOUBLE AS n FROM batch WHERE "time" < $cutoff', { cutoff })
  const count = Number(found?.['n'] ?? 0)
  if (count > 0) await session.run('DELETE FROM batch WHERE "time" < $cutoff', { cutoff })
  return count
}

type Day = {
  readonly name: string
  readonly fromMs: number
  readonly untilMs: number
  readonly first: number
  readonly last: number
}

// A clock that jumps, or a writer that lies, must not make a file for each event: beyond the cap the oldest days share
// one file, named after the newest of them. Queries go by the times inside, not by the name.
async function daysOf(session: Session): Promise<Day[]> {
  const found = await session.rows(
    `SELECT ("time" // 86400000)::DOUBLE AS day, min(sequence)::DOUBLE AS "first", max(sequence)::DOUBLE AS "last"
     FROM batch GROUP BY 1 ORDER BY 1 DESC`,
  )
  const days: Day[] = []
  for (const one of found) {
    const fromMs = Number(one['day']) * 86_400_000
    const [first, last] = [Number(one['first']), Number(one['last'])]
    const full = days.length === MAX_DAYS_PER_BATCH ? days.at(-1) : undefined
    if (full === undefined) days.push({ name: dayOf(fromMs), fromMs, untilMs: fromMs + 86_400_000, first, last })
    else {
      days[days.length - 1] = { ...full, fromMs, first: Math.min(full.first, first), last: Math.max(full.last, last) }
    }
  }
  return days
}
