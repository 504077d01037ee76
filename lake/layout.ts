// Names of the lake's folders and files. Must never build a path from anything but a checked id, day, writer or number,
// nor follow a name it would not itself have made.
//
//   <lake>/lake.lock                                   who compacts here (one process)
//          temporary/                                  DuckDB's spill files; emptied at every start
//          tenant=<id>/manifest.json                   what is there: nothing else is read
//                      day=2026-11-24/<writer>-<first>-<last>.parquet
import { join } from 'node:path'
import { Fault } from '#core/fault.ts'
import { isId, type TenantId } from '#core/ids.ts'
import { names, parseWriter } from '#journal/layout.ts'

export type FileName = {
  readonly day: string
  /** With its epoch: `exc_….2`. */
  readonly writer: string
  readonly first: number
  readonly last: number
}

const dayPattern = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/
const filePattern = /^([a-z][a-z0-9_.-]{0,60})-(\d{16})-(\d{16})\.parquet$/
const DAY_MS = 86_400_000

export function lockPath(folder: string): string {
  return join(folder, 'lake.lock')
}

export function temporaryFolder(folder: string): string {
  return join(folder, 'temporary')
}

export function tenantFolder(folder: string, tenant: TenantId): string {
  if (!isId('tenant', tenant)) throw new Fault('document-invalid', { hint: 'Not a tenant.' })
  return join(folder, `tenant=${tenant}`)
}

export function manifestPath(folder: string, tenant: TenantId): string {
  return join(tenantFolder(folder, tenant), 'manifest.json')
}

export function dayFolder(folder: string, tenant: TenantId, day: string): string {
  if (!isDay(day)) throw new Fault('document-invalid', { hint: 'Not a day.' })
  return join(tenantFolder(folder, tenant), `day=${day}`)
}

/** The same content always has the same name: a compaction that a crash cut short writes over what it had begun. */
export function fileName({ writer, first, last }: FileName): string {
  if (parseWriter(writer) === undefined) throw new Fault('document-invalid', { hint: 'Not a writer.' })
  return `${writer}-${digits(first)}-${digits(last)}.parquet`
}

export function filePath(folder: string, tenant: TenantId, file: FileName): string {
  return join(dayFolder(folder, tenant, file.day), fileName(file))
}

export function parseFileName(day: string, name: string): FileName | undefined {
  const match = filePattern.exec(name)
  if (match === null || match[1] === undefined || parseWriter(match[1]) === undefined || !isDay(day)) return undefined
  const file = { day, writer: match[1], first: Number(match[2]), last: Number(match[3]) }
  return isRange(file.first, file.last) ? file : undefined
}

export function isRange(first: number, last: number): boolean {
  return Number.isSafeInteger(first) && Number.isSafeInteger(last) && first >= 1 && last >= first
}

export function isDay(text: string): boolean {
  return dayPattern.test(text)
}

/** `2026-11-24`, in UTC. Throws RangeError outside years 1970 to 9999. */
export function dayOf(timeMs: number): string {
  const day = new Date(timeMs).toISOString().slice(0, 10)
  if (!isDay(day)) throw new RangeError('not a day that the lake can name')
  return day
}

/** Milliseconds since 1970 at which a day begins. */
export function dayStartMs(day: string): number {
  return Math.floor(Date.parse(`${day}T00:00:00Z`) / DAY_MS) * DAY_MS
}

export async function listLakeTenants(folder: string): Promise<TenantId[]> {
  const tenants: TenantId[] = []
  for (const name of await names(folder)) {
    const tenant = name.startsWith('tenant=') ? name.slice('tenant='.length) : ''
    if (isId('tenant', tenant)) tenants.push(tenant)
  }
  return tenants.toSorted()
}

/** Days that a tenant has folders for, and the names in each. */
export async function listDayFolders(
  folder: string,
  tenant: TenantId,
): Promise<readonly { readonly day: string; readonly names: readonly string[] }[]> {
  const days: { day: string; names: readonly string[] }[] = []
  for (const name of await names(tenantFolder(folder, tenant))) {
    const day = name.startsWith('day=') ? name.slice('day='.length) : ''
    if (isDay(day)) days.push({ day, names: await names(dayFolder(folder, tenant, day)) })
  }
  return days
}

function digits(sequence: number): string {
  return String(sequence).padStart(16, '0')
}
