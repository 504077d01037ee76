// The lake's own process: DuckDB is native code that takes memory and threads as it likes, so it lives apart from traffic
// and from the store, at a lower priority, and may die alone. Must never outlive its owner, nor hold a key that signs.
import { writeSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { asFault, Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { acquireLock, type WriterLock } from '#journal/lock.ts'
import { queryClasses } from './class-query.ts'
import { queryCold } from './cold.ts'
import { compactTenant } from './compact.ts'
import { countEvents } from './count.ts'
import { openDatabase } from './database.ts'
import {
  keysOf,
  type Answered,
  type Asked,
  type CallName,
  type EngineConfig,
  type FromEngine,
  type ToEngine,
} from './engine-calls.ts'
import { lockPath } from './layout.ts'
import { mergeDays } from './merge.ts'
import { queryEvents, type Reading } from './query.ts'
import { removeDaysBefore, removeTenant, sweepTenant } from './retain.ts'
import { verifyTenant } from './verify.ts'

const WATCH_MS = 1000

// Given by `startEngine` of the same version.
const config = JSON.parse(process.argv[2] ?? 'null') as EngineConfig
const { folder, journalRoot, caps } = config
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
process.on('disconnect', () => end('its owner is gone'))
// A terminal's Ctrl-C reaches the whole group; the owner decides when we end.
process.on('SIGINT', () => {})
setInterval(() => {
  if (process.memoryUsage.rss() > caps.maxProcessBytes) end('it took more memory than allowed')
}, WATCH_MS).unref()

// At once: an orderly exit would wait for DuckDB's threads, and whatever matters is on the disk before it is said.
function end(words: string): void {
  try {
    writeSync(2, `${words}\n`)
  } finally {
    process.kill(process.pid, 'SIGKILL')
  }
}

const database = await openDatabase(folder, caps)
const working = new Map<number, AbortController>()
const wanted = new Map<number, () => void>()
const swept = new Set<TenantId>()
/** Work that changes a tenant's files, one after another. */
const writing = new Map<TenantId, Promise<unknown>>()
let lock: Promise<WriterLock> | undefined

function send(message: FromEngine): void {
  if (process.connected) process.send?.(message)
}

async function write<T>(tenant: TenantId, work: () => Promise<T>): Promise<T> {
  lock ??= acquireLock(lockPath(folder))
  try {
    await lock
  } catch (error) {
    lock = undefined
    throw error
  }
  const before = writing.get(tenant) ?? Promise.resolve()
  const mine = before.catch(() => {}).then(work)
  writing.set(tenant, mine)
  try {
    return await mine
  } finally {
    if (writing.get(tenant) === mine) writing.delete(tenant)
  }
}

const calls: { readonly [N in CallName]: (asked: Asked<N>, reading: Reading) => Promise<Answered<N>> } = {
  events: (query, reading) => queryEvents(database, query, reading),
  cold: (query, reading) => queryCold(database, query, reading),
  counts: (query, reading) => countEvents(database, query, reading),
  compact: ({ tenant, keys, today }, { signal }) =>
    write(tenant, async () => {
      if (journalRoot === null) throw new Fault('configuration-invalid', { hint: 'There is no journal to compact.' })
      const sweep = swept.has(tenant) ? null : await sweepTenant(folder, journalRoot, tenant)
      swept.add(tenant)
      const compaction = await compactTenant(database, {
        folder,
        journalRoot,
        tenant,
        keys: keysOf(keys),
        caps,
        signal,
      })
      const merged = await mergeDays(database, { folder, tenant, before: today, caps, signal })
      return { ...compaction, merged, sweep }
    }),
  retain: ({ tenant, before }, { signal }) =>
    write(tenant, () => removeDaysBefore(database, { folder, tenant, before, signal })),
  removeTenant: ({ tenant }) =>
    write(tenant, async () => {
      swept.delete(tenant)
      await removeTenant(folder, tenant)
      return null
    }),
  verify: ({ tenant, keys }, { signal }) => verifyTenant(database, { folder, tenant, keys: keysOf(keys), signal }),
}

async function answer<N extends CallName>(id: number, name: N, asked: Asked<N>, reading: Reading): Promise<void> {
  send({ kind: 'answer', id, value: await calls[name](asked, reading) })
}

async function stream(id: number, message: Extract<ToEngine, { kind: 'classes' }>, reading: Reading): Promise<void> {
  for await (const classes of queryClasses(database, message.query, reading)) {
    const { promise, resolve } = Promise.withResolvers<void>()
    wanted.set(id, resolve)
    reading.signal.addEventListener('abort', () => resolve(), { once: true })
    send({ kind: 'batch', id, classesJson: JSON.stringify(classes) })
    await promise
    reading.signal.throwIfAborted()
  }
  send({ kind: 'end', id })
}

async function work(message: Extract<ToEngine, { kind: 'call' | 'classes' }>): Promise<void> {
  const { id, timeoutMs } = message
  const controller = new AbortController()
  working.set(id, controller)
  const timer = setTimeout(() => controller.abort(new Fault('lake-timeout')), timeoutMs)
  const reading = { folder, journalRoot, caps, signal: controller.signal }
  try {
    if (message.kind === 'classes') await stream(id, message, reading)
    // The owner is of the same version, and its types are these.
    else await answer(id, message.name, message.asked as never, reading)
  } catch (error) {
    const { code, hint, detail, cause } = asFault(error)
    const said = cause instanceof Error ? { cause: cause.message.slice(0, 500) } : {}
    send({ kind: 'fault', id, code, hint, detail: { ...detail, ...said } })
  } finally {
    clearTimeout(timer)
    working.delete(id)
    wanted.delete(id)
  }
}

process.on('message', (message: ToEngine) => {
  if (message.kind === 'more') wanted.get(message.id)?.()
  else if (message.kind === 'abort') working.get(message.id)?.abort(new Fault('closing'))
  else void work(message)
})
send({ kind: 'ready' })
