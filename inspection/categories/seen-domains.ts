// Which registrable domains are new to which tenant, kept over restarts: one table of fixed size per tenant, written when
// it changed. Must never write on the way of a request, keep more tables than its cap, or hold a name.
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asFault } from '#core/fault.ts'
import { readAddress } from '#inspection/phishing/address.ts'
import { categoryCaps } from './caps.ts'
import { NewlySeen } from './newly-seen.ts'

export type SeenDomains = AsyncDisposable & {
  /** Remembers the visit. True while the domain's first visit is less than `newlySeenDays` ago. */
  isNew(tenantId: string, host: string): boolean
  close(): Promise<void>
}

type Deps = {
  readonly nowMs: () => number
  readonly log: (words: string, facts: Readonly<Record<string, unknown>>) => void
}
type Table = { readonly seen: NewlySeen; isChanged: boolean }

export async function startSeenDomains(config: { readonly folder: string }, deps: Deps): Promise<SeenDomains> {
  const { folder } = config
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const tables = new Map<string, Table>()
  let saving: Promise<void> | undefined
  const timer = setInterval(() => void save(), categoryCaps.seenSaveMs)
  timer.unref()
  const close = async () => {
    clearInterval(timer)
    await saving
    await save()
  }
  return {
    isNew(tenantId, host) {
      // The name of a file: only what ids are made of.
      if (!/^ten_[A-Za-z0-9_-]{1,60}$/.test(tenantId)) return true
      const address = readAddress(host)
      if (address.kind === 'unreadable' || address.isIp) return true
      const table = tableOf(tenantId)
      const { isFirst, days } = table.seen.visit(address.registrable, deps.nowMs())
      table.isChanged ||= isFirst
      return days < categoryCaps.newlySeenDays
    },
    close,
    [Symbol.asyncDispose]: close,
  }

  function tableOf(tenantId: string): Table {
    const known = tables.get(tenantId)
    if (known !== undefined) return known
    if (tables.size >= categoryCaps.seenTenants) {
      const [oldest] = tables.keys()
      if (oldest !== undefined) forget(oldest)
    }
    const table = { seen: load(tenantId), isChanged: false }
    tables.set(tenantId, table)
    return table
  }

  function forget(tenantId: string): void {
    const table = tables.get(tenantId)
    tables.delete(tenantId)
    if (table?.isChanged === true) void keep(tenantId, table)
  }

  /** A damaged one is said and begun anew: everything is new then, which asks more and lets nothing through. */
  function load(tenantId: string): NewlySeen {
    try {
      return NewlySeen.load(join(folder, tenantId))
    } catch (error) {
      deps.log('the record of seen domains is begun anew', { tenantId, code: asFault(error).code })
      return NewlySeen.empty()
    }
  }

  function save(): Promise<void> {
    saving ??= (async () => {
      for (const [tenantId, table] of tables) if (table.isChanged) await keep(tenantId, table)
    })().finally(() => (saving = undefined))
    return saving
  }

  async function keep(tenantId: string, table: Table): Promise<void> {
    table.isChanged = false
    const path = join(folder, tenantId)
    try {
      await using file = await open(`${path}.new`, 'w', 0o600)
      await file.writeFile(table.seen.encode())
      await file.sync()
      await rename(`${path}.new`, path)
    } catch (error) {
      table.isChanged = true
      await rm(`${path}.new`, { force: true }).catch(() => {})
      deps.log('the record of seen domains could not be kept', { tenantId, code: asFault(error).code })
    }
  }
}
