// Names of the journal's folders and files, and listing them. Must never follow a name it would not itself have made.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '#core/fault.ts'
import { isId, type TenantId } from '#core/ids.ts'
import { MAX_EPOCHS } from './caps.ts'

/** A chain and where it lies. `writer` includes the epoch: `control`, `control.2`. */
export type ChainPlace = { readonly tenant: TenantId; readonly writer: string; readonly dir: string }

const writerPattern = /^([a-z][a-z0-9_-]{0,47})(?:\.([1-9]\d{0,2}))?$/
const segmentPattern = /^(\d{16})\.jsonl$/

/** The writer's name and epoch, or undefined when `text` is not a writer. Epoch 1 is written without a number. */
export function parseWriter(text: string): { readonly name: string; readonly epoch: number } | undefined {
  const match = writerPattern.exec(text)
  if (match === null || match[1] === undefined) return undefined
  const epoch = match[2] === undefined ? 1 : Number(match[2])
  if (match[2] !== undefined && epoch < 2) return undefined
  return { name: match[1], epoch }
}

export function formatWriter(name: string, epoch: number): string {
  if (epoch > MAX_EPOCHS) throw new Fault('journal-corrupt', { detail: { writer: name, epoch } })
  return epoch === 1 ? name : `${name}.${epoch}`
}

export function chainPlace(root: string, tenant: TenantId, writer: string): ChainPlace {
  if (!isId('tenant', tenant) || parseWriter(writer) === undefined) {
    throw new Fault('document-invalid', { hint: 'Not a tenant or not a writer.' })
  }
  return { tenant, writer, dir: join(root, tenant, writer) }
}

export function segmentPath(dir: string, first: number): string {
  return join(dir, `${String(first).padStart(16, '0')}.jsonl`)
}

export function sealPath(dir: string, first: number): string {
  return join(dir, `${String(first).padStart(16, '0')}.seal`)
}

export function tornPath(dir: string, first: number, offset: number): string {
  return join(dir, `${String(first).padStart(16, '0')}.torn-${offset}`)
}

export function headPath(dir: string): string {
  return join(dir, 'head.json')
}

export function tombstonesPath(dir: string): string {
  return join(dir, 'tombstones.jsonl')
}

export function shippedPath(dir: string): string {
  return join(dir, 'shipped.json')
}

export function refusedPath(dir: string): string {
  return join(dir, 'refused.json')
}

export async function listTenants(root: string): Promise<TenantId[]> {
  return (await names(root)).filter((name) => isId('tenant', name)).toSorted()
}

/** Every chain of a tenant, by writer name, then epoch. */
export async function listChains(root: string, tenant: TenantId): Promise<ChainPlace[]> {
  const writers: { text: string; name: string; epoch: number }[] = []
  for (const text of await names(join(root, tenant))) {
    const writer = parseWriter(text)
    if (writer !== undefined) writers.push({ text, ...writer })
  }
  writers.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.epoch - b.epoch))
  return writers.map(({ text }) => ({ tenant, writer: text, dir: join(root, tenant, text) }))
}

/** First sequences of the segments in a chain's folder, ascending. */
export async function listSegments(dir: string): Promise<number[]> {
  const firsts: number[] = []
  for (const name of await names(dir)) {
    const first = Number(segmentPattern.exec(name)?.[1] ?? Number.NaN)
    if (Number.isSafeInteger(first) && first > 0) firsts.push(first)
  }
  return firsts.sort((a, b) => a - b)
}

export async function names(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

export function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR'
}

/** The system's code of an error (`ENOSPC`), or `unknown`. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
}
