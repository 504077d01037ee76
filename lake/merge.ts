// Many small files of one day and writer become one, once the day is over: a quiet tenant would otherwise have one for
// each hour and writer. Must never remove the small ones before the manifest names the large one.
import type { TenantId } from '#core/ids.ts'
import type { LakeCaps } from './caps.ts'
import { quoteText, type Database } from './database.ts'
import { filePath } from './layout.ts'
import { commitManifest, readManifest } from './manifest.ts'
import type { Head, LakeChain, LakeFile, Manifest, OnStep } from './manifest.ts'
import { joinHeads } from './compact.ts'
import { writeParquet } from './parquet.ts'
import { removeFiles } from './retain.ts'

export type MergeRequest = {
  readonly folder: string
  readonly tenant: TenantId
  /** Days before this one only: the others still get files. */
  readonly before: string
  readonly caps: LakeCaps
  readonly signal: AbortSignal
  readonly onStep?: OnStep | undefined
}

/** Gives how many files were merged away. */
export async function mergeDays(database: Database, request: MergeRequest): Promise<number> {
  const { folder, tenant, before, caps, signal, onStep } = request
  let manifest = await readManifest(folder, tenant)
  let merged = 0
  const days = Map.groupBy(
    manifest.files.filter(({ day }) => day < before),
    ({ day, writer }) => `${day}/${writer}`,
  )
  for (const parts of days.values()) {
    const [part] = parts
    if (part === undefined || parts.length < caps.mergeFiles) continue
    using session = await database.connect(signal)
    const paths = parts.map((file) => quoteText(filePath(folder, tenant, file))).join(', ')
    // The table gives the columns that a file of an earlier version lacks.
    const rows = await session.createRows('hot')
    rows.finish()
    const source = `SELECT * FROM hot UNION ALL BY NAME
      SELECT * FROM read_parquet([${paths}], hive_partitioning = false, union_by_name = true)`
    const first = Math.min(...parts.map((file) => file.first))
    const last = Math.max(...parts.map((file) => file.last))
    const file = { day: part.day, writer: part.writer, first, last }
    const whole = await writeParquet(session, source, { folder, tenant, file, onStep })
    manifest = withMerged(manifest, parts, whole)
    await commitManifest(folder, manifest, onStep)
    await removeFiles(folder, tenant, parts)
    onStep?.('files-removed')
    merged += parts.length
  }
  return merged
}

function withMerged(manifest: Manifest, parts: readonly LakeFile[], whole: LakeFile): Manifest {
  const chain = manifest.chains[whole.writer]
  return {
    ...manifest,
    version: manifest.version + 1,
    files: [...manifest.files.filter((file) => !parts.includes(file)), whole],
    chains: chain === undefined ? manifest.chains : { ...manifest.chains, [whole.writer]: foldHeads(chain, whole) },
  }
}

// Heads that lie within the merged day prove as one from now on; those that reach into other days stay.
function foldHeads(chain: LakeChain, { first, last }: LakeFile): LakeChain {
  const isWithin = (head: Head): boolean => head.first >= first && head.last <= last
  const within = chain.heads.filter(isWithin)
  if (within.length < 2) return chain
  const at = chain.heads.findIndex(isWithin)
  const rest = chain.heads.filter((head) => !isWithin(head))
  const isContiguous = within.every((head, index) => index === 0 || head.first === (within[index - 1]?.last ?? 0) + 1)
  if (!isContiguous) return chain
  return { ...chain, heads: rest.toSpliced(at, 0, joinHeads(within)) }
}
