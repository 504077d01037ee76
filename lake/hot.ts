// The newest events, still in the journal's segments above the lake's watermark, as a table of one connection. Must never
// show a record that a file of the same manifest holds too, nor go through more bytes than its cap.
import { stat } from 'node:fs/promises'
import { Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { isMissing, listChains, listSegments, segmentPath } from '#journal/layout.ts'
import { forwardLines } from '#journal/lines.ts'
import { parseEvent, parseLine } from '#journal/record.ts'
import type { LakeCaps } from './caps.ts'
import type { RowWriter, Session } from './database.ts'
import { dayStartMs } from './layout.ts'
import type { Manifest } from './manifest.ts'
import { rowOf } from './row.ts'

export type HotRequest = {
  /** null: there is no journal here, only files. */
  readonly journalRoot: string | null
  readonly tenant: TenantId
  readonly manifest: Manifest
  readonly sinceMs: number
  /** Not included. */
  readonly untilMs: number
  readonly caps: LakeCaps
  readonly signal: AbortSignal
}

/** Fills the table `hot`; gives how many lines could not be read. */
export async function loadHot(session: Session, request: HotRequest): Promise<number> {
  const { journalRoot, tenant, caps } = request
  const rows = await session.createRows('hot')
  let badLines = 0
  let bytes = 0
  for (const place of journalRoot === null ? [] : await listChains(journalRoot, tenant)) {
    const through = request.manifest.chains[place.writer]?.through ?? 0
    const segments = await listSegments(place.dir)
    for (const [at, first] of segments.entries()) {
      const next = segments[at + 1]
      if (next !== undefined && next <= through + 1) continue
      const path = segmentPath(place.dir, first)
      bytes += await sizeOf(path)
      if (bytes > caps.maxHotBytes) {
        throw new Fault('at-capacity', { hint: 'Too much of the journal is not in the lake yet; compact first.' })
      }
      badLines += await loadSegment(rows, path, place.writer, through, request)
    }
  }
  rows.finish()
  return badLines
}

async function loadSegment(
  rows: RowWriter,
  path: string,
  writer: string,
  through: number,
  { manifest, sinceMs, untilMs, signal }: HotRequest,
): Promise<number> {
  const fromMs = Math.max(sinceMs, manifest.removedBefore === null ? 0 : dayStartMs(manifest.removedBefore))
  let badLines = 0
  try {
    for await (const { lines } of forwardLines(path, signal)) {
      for (const line of lines) {
        const record = parseLine(line)
        if (record === undefined) badLines++
        if (record === undefined || record.sequence <= through) continue
        const event = parseEvent(record.json)
        if (event === undefined) {
          badLines++
          continue
        }
        const row = rowOf(writer, record, event)
        if (Number(row.time) >= fromMs && Number(row.time) < untilMs) rows.add(row)
      }
    }
  } catch (error) {
    // It became files while we came to it: then the manifest has changed, and the reader starts over.
    if (!isMissing(error)) throw error
  }
  return badLines
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}
