// What there is to do for a tenant, from names and small files alone: whoever asks every few minutes for a thousand
// tenants must not start the engine for nothing. Must never open a segment or a data file.
import { stat } from 'node:fs/promises'
import type { TenantId } from '#core/ids.ts'
import { readSmallFile } from '#journal/disk.ts'
import { isMissing, listChains, listSegments, sealPath, type ChainPlace } from '#journal/layout.ts'
import { parseStatement } from '#journal/statement.ts'
import { dayStartMs } from './layout.ts'
import { readManifest, type Manifest } from './manifest.ts'

/** Whether a sealed segment is not in files yet. */
export async function isCompactionDue(folder: string, journalRoot: string, tenant: TenantId): Promise<boolean> {
  const manifest = await readManifest(folder, tenant)
  for (const place of await listChains(journalRoot, tenant)) {
    const through = manifest.chains[place.writer]?.through ?? 0
    for (const first of await listSegments(place.dir))
      if (first > through && (await isSealed(place, first))) return true
  }
  return false
}

/** Whether files go, or the day before which nothing comes back moves, when days before `day` are removed. */
export async function isRetentionDue(folder: string, tenant: TenantId, day: string): Promise<boolean> {
  const { version, files, removedBefore } = await readManifest(folder, tenant)
  if (version === 0) return false
  return removedBefore === null || removedBefore < day || files.some(({ maxMs }) => maxMs < dayStartMs(day))
}

/** Chains whose oldest segment may go: it is in files, and its latest record is old enough. */
export async function removableChains(
  { chains }: Manifest,
  journalRoot: string,
  tenant: TenantId,
  olderThanMs: number,
): Promise<readonly { readonly place: ChainPlace; readonly through: number }[]> {
  const found = []
  for (const place of await listChains(journalRoot, tenant)) {
    const through = chains[place.writer]?.through ?? 0
    const oldest = (await listSegments(place.dir))[0]
    if (oldest === undefined || oldest > through) continue
    if (await isOlder(place, oldest, olderThanMs)) found.push({ place, through })
  }
  return found
}

/** Chains whose oldest segment is older, whether it is in files or not: where there is no lake. */
export async function agedChains(
  journalRoot: string,
  tenant: TenantId,
  olderThanMs: number,
): Promise<readonly ChainPlace[]> {
  const found = []
  for (const place of await listChains(journalRoot, tenant)) {
    const oldest = (await listSegments(place.dir))[0]
    if (oldest !== undefined && (await isOlder(place, oldest, olderThanMs))) found.push(place)
  }
  return found
}

/** By the seal; its signature is the business of whoever removes. */
async function isOlder(place: ChainPlace, first: number, olderThanMs: number): Promise<boolean> {
  const seal = parseStatement((await readSmallFile(sealPath(place.dir, first))) ?? '')
  return seal?.kind === 'seal' && seal.latestMs < olderThanMs
}

async function isSealed(place: ChainPlace, first: number): Promise<boolean> {
  try {
    await stat(sealPath(place.dir, first))
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}
