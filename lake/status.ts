// How a tenant's lake stands, read from its manifest and the names of segments alone. Must never open a data file.
import { stat } from 'node:fs/promises'
import type { TenantId } from '#core/ids.ts'
import { isMissing, listChains, listSegments, segmentPath } from '#journal/layout.ts'
import { readManifest } from './manifest.ts'

export type TenantStatus = {
  readonly tenant: TenantId
  readonly version: number
  readonly files: number
  readonly rows: number
  readonly bytes: number
  readonly firstDay: string | null
  readonly lastDay: string | null
  readonly removedBefore: string | null
  readonly writers: readonly {
    readonly writer: string
    readonly through: number
    readonly missedRows: number
    /** Bytes of the journal's segments that are not in files yet. */
    readonly waitingBytes: number
  }[]
}

export async function tenantStatus(
  folder: string,
  journalRoot: string | null,
  tenant: TenantId,
): Promise<TenantStatus> {
  const { version, files, chains, removedBefore } = await readManifest(folder, tenant)
  const waiting = new Map<string, number>()
  for (const { writer, dir } of journalRoot === null ? [] : await listChains(journalRoot, tenant)) {
    waiting.set(writer, await bytesAbove(dir, chains[writer]?.through ?? 0))
  }
  const days = files.map(({ day }) => day).toSorted()
  return {
    tenant,
    version,
    files: files.length,
    rows: files.reduce((sum, { rows }) => sum + rows, 0),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    firstDay: days[0] ?? null,
    lastDay: days.at(-1) ?? null,
    removedBefore,
    writers: [...new Set([...Object.keys(chains), ...waiting.keys()])].map((writer) => ({
      writer,
      through: chains[writer]?.through ?? 0,
      missedRows: chains[writer]?.missedRows ?? 0,
      waitingBytes: waiting.get(writer) ?? 0,
    })),
  }
}

async function bytesAbove(dir: string, through: number): Promise<number> {
  let bytes = 0
  const segments = await listSegments(dir)
  for (const [at, first] of segments.entries()) {
    const next = segments[at + 1]
    if (next !== undefined && next <= through + 1) continue
    try {
      bytes += (await stat(segmentPath(dir, first))).size
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
  return bytes
}
