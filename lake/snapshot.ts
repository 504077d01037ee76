// One consistent view of a tenant: the files of one manifest version and the journal's segments above its watermark.
// Must never mix two versions: when the manifest changed while a view was put together, it starts over.
import { isFault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { listChains } from '#journal/layout.ts'
import { MAX_QUERY_ATTEMPTS, type LakeCaps } from './caps.ts'
import { columnNames, quoteName } from './columns.ts'
import { quoteText, type Database, type Session } from './database.ts'
import { loadHot } from './hot.ts'
import { filePath } from './layout.ts'
import { readManifest, type LakeFile } from './manifest.ts'

export type ViewRequest = {
  readonly folder: string
  readonly journalRoot: string | null
  readonly tenant: TenantId
  readonly sinceMs: number
  readonly untilMs: number
  readonly caps: LakeCaps
  readonly signal: AbortSignal
}

export type View = {
  readonly session: Session
  /** SQL of ours that gives every row that may lie in the range, in the lake's columns. */
  readonly rows: string
  readonly version: number
  /** Whose rows these may be. */
  readonly writers: readonly string[]
  /** Lines of the journal that could not be read: run `journal verify`. */
  readonly badLines: number
}

/** Streams what `work` finds in one view. Starts over only while nothing was given out. */
export async function* inView<T>(
  database: Database,
  request: ViewRequest,
  work: (view: View) => AsyncIterable<T>,
): AsyncGenerator<T, void> {
  const { folder, tenant } = request
  for (let attempt = 1; ; attempt++) {
    using session = await database.connect(request.signal)
    const manifest = await readManifest(folder, tenant)
    const badLines = await loadHot(session, { ...request, manifest })
    const isCurrent = async (): Promise<boolean> => (await readManifest(folder, tenant)).version === manifest.version
    // Segments go only after the manifest that replaces them: the same version before and after means that none went.
    if (!(await isCurrent()) && attempt < MAX_QUERY_ATTEMPTS) continue
    const files = manifest.files.filter(({ minMs, maxMs }) => maxMs >= request.sinceMs && minMs < request.untilMs)
    let isGiven = false
    try {
      const { version } = manifest
      const chains = request.journalRoot === null ? [] : await listChains(request.journalRoot, tenant)
      const writers = [...new Set([...Object.keys(manifest.chains), ...chains.map(({ writer }) => writer)])]
      const view = { session, rows: rowsSql(folder, tenant, files), version, writers, badLines }
      for await (const one of work(view)) {
        isGiven = true
        yield one
      }
      return
    } catch (error) {
      // A file that was merged or removed since we listed it.
      const isStale = isFault(error, 'lake-corrupt') && !isGiven && attempt < MAX_QUERY_ATTEMPTS
      if (!isStale || (await isCurrent())) throw error
    }
  }
}

function rowsSql(folder: string, tenant: TenantId, files: readonly LakeFile[]): string {
  const list = columnNames.map(quoteName).join(', ')
  const hot = `SELECT ${list} FROM hot`
  if (files.length === 0) return hot
  const paths = files.map((file) => quoteText(filePath(folder, tenant, file))).join(', ')
  // By name, with the table first: a file of an earlier version that lacks a column reads as null there.
  return `${hot} UNION ALL BY NAME
    SELECT * FROM read_parquet([${paths}], hive_partitioning = false, union_by_name = true)`
}
