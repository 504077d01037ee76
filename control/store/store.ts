// The store: where the truth of the control plane is kept, in SQLite or PostgreSQL. Must never give anyone a query
// that is not bound to a tenant or to the provider's own tables.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { Kysely, type Dialect } from 'kysely'
import { asFault, Fault, isFault } from '#core/fault.ts'
import { isId } from '#core/ids.ts'
import { caps } from '#control/caps.ts'
import { appendChanges } from './changes.ts'
import { migrate } from './migrate.ts'
import { connectPostgres } from './postgres.ts'
import { providerTables, tenantTables, type Database } from './schema.ts'
import { openSqlite } from './sqlite.ts'
import { TenantGuard } from './tenant-guard.ts'
import {
  providerHandle,
  tenantHandle,
  type ProviderHandle,
  type TenantHandle,
  type TenantTransaction,
} from './tenant-handle.ts'

export type StoreConfig =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

export type TenantStore = TenantHandle & {
  /** All of it or nothing. Writers of one tenant take turns. Never use the store itself inside `run`. */
  readonly transaction: <T>(run: (tx: TenantTransaction) => Promise<T>) => Promise<T>
}
export type ProviderStore = ProviderHandle & {
  readonly transaction: <T>(run: (tx: ProviderHandle) => Promise<T>) => Promise<T>
}
export type ChangeListener = (tenantId: string, lastSequence: number) => void

export type Store = {
  readonly kind: StoreConfig['kind']
  /** Throws Fault `not-found` when `tenantId` is not the id of any tenant there could be. */
  readonly forTenant: (tenantId: string) => TenantStore
  readonly provider: ProviderStore
  /** Called after a transaction with changes was committed. Returns how to stop. */
  readonly onChange: (listener: ChangeListener) => () => void
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export type StoreDeps = { readonly nowMs: () => number }

const MAX_HANDLES = 1000

export async function startStore(config: StoreConfig, deps: StoreDeps): Promise<Store> {
  const backend = config.kind === 'sqlite' ? sqliteBackend(config.path) : postgresBackend(config.url)
  try {
    await migrate(new Kysely<unknown>({ dialect: backend.owner() }), config.kind, deps.nowMs)
  } catch (error) {
    await backend.close()
    throw isFault(error) ? error : new Fault('store-failed', { cause: error })
  }
  const listeners = new Set<ChangeListener>()
  const handles = new Map<string, TenantStore>()
  const tables = { tenantTables: new Set(tenantTables), providerTables: new Set(providerTables) }
  const guarded = (dialect: Dialect, tenantId: string | null) =>
    new Kysely<Database>({ dialect, plugins: [new TenantGuard({ tenantId, ...tables })] })
  const provider = guarded(backend.provider(), null)

  function forTenant(tenantId: string): TenantStore {
    const known = handles.get(tenantId)
    if (known) return known
    if (!isId('tenant', tenantId)) throw new Fault('not-found')
    const db = guarded(backend.tenant(tenantId), tenantId)
    const store: TenantStore = {
      ...tenantHandle(db, tenantId),
      transaction: async (run) => {
        let lastSequence: number | undefined
        const value = await db.transaction().execute(async (tx) => {
          const handle = tenantHandle(tx, tenantId)
          return run({
            ...handle,
            appendChanges: async (changes) => {
              const sequence = await appendChanges(handle, changes, deps.nowMs())
              if (changes.length > 0) lastSequence = sequence
              return sequence
            },
          })
        })
        if (lastSequence !== undefined) for (const listener of listeners) listener(tenantId, lastSequence)
        return value
      },
    }
    if (handles.size >= MAX_HANDLES) handles.clear()
    handles.set(tenantId, store)
    return store
  }

  const close = async () => {
    listeners.clear()
    await backend.close()
  }
  return {
    kind: config.kind,
    forTenant,
    provider: {
      ...providerHandle(provider),
      transaction: (run) => provider.transaction().execute((tx) => run(providerHandle(tx))),
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

type Backend = {
  readonly owner: () => Dialect
  readonly provider: () => Dialect
  readonly tenant: (tenantId: string) => Dialect
  readonly close: () => Promise<void>
}

function sqliteBackend(path: string): Backend {
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const file = openSqlite(path)
    return { owner: file.dialect, provider: file.dialect, tenant: file.dialect, close: async () => file.close() }
  } catch (error) {
    throw new Fault('store-failed', { hint: 'The SQLite file cannot be opened.', cause: asFault(error) })
  }
}

function postgresBackend(url: string): Backend {
  const server = connectPostgres(url)
  return {
    owner: () => server.dialect({ kind: 'owner' }),
    provider: () => server.dialect({ kind: 'provider' }),
    tenant: (tenantId) => server.dialect({ kind: 'tenant', tenantId }),
    close: server.close,
  }
}

/** True when a unique key refused the row, in either database. */
export function isUniqueViolation(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  if ('errcode' in error) return error.errcode === 2067 || error.errcode === 1555
  return 'code' in error && error.code === '23505'
}

/** `rows` in parts that fit the parameters of one statement. */
export function inParts<T>(rows: readonly T[], size: number = caps.insertRows.default): T[][] {
  const parts: T[][] = []
  for (let at = 0; at < rows.length; at += size) parts.push(rows.slice(at, at + size))
  return parts
}
