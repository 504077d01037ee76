// The last good snapshot of each tenant on disk, kept in control's own signed form and verified again when read, so
// that an exchange can start while control is away. Must never be trusted more than the wire it came from.
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isId } from '#core/ids.ts'
import { caps } from '#exchange/caps.ts'

export type SavedTenant = {
  readonly tenantId: string
  readonly root: string
  readonly chunks: readonly string[]
  readonly deltas: readonly string[]
  readonly heartbeat: string | undefined
}

export type LastGood = {
  readonly read: () => Promise<readonly SavedTenant[]>
  readonly saveSnapshot: (tenantId: string, root: string, chunks: readonly string[]) => void
  readonly saveDelta: (tenantId: string, token: string) => void
  readonly saveHeartbeat: (tenantId: string, token: string) => void
  readonly forget: (tenantId: string) => void
  readonly saveWelcome: (welcome: SavedWelcome) => void
  readonly readWelcome: () => Promise<SavedWelcome | undefined>
  /** Resolves when everything asked for so far is on disk or has failed. */
  readonly settled: () => Promise<void>
}

/** What control said about the installation: kept for a start without it. */
export type SavedWelcome = {
  readonly snapshotKeys: readonly string[]
  readonly statementKeys: readonly string[]
  readonly appsDomain: string
  readonly publicPort: number
  readonly exchanges: readonly string[]
}

export function openLastGood(folder: string, onFailure: (error: unknown) => void): LastGood {
  // One writer per tenant at a time, in order: a delta written before its snapshot would be a gap at the next start.
  const queues = new Map<string, Promise<void>>()
  const deltaCounts = new Map<string, number>()
  const heartbeats = new Map<string, string>()

  return {
    async read() {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const names = (await readdir(folder)).filter((name) => name.endsWith('.snapshot'))
      const found = await Promise.all(names.map((name) => readTenant(name.slice(0, -'.snapshot'.length))))
      return found.filter((each) => each !== undefined)
    },
    saveSnapshot(tenantId, root, chunks) {
      enqueue(tenantId, async () => {
        await replaceFile(file(tenantId, 'snapshot'), JSON.stringify({ root, chunks }))
        await rm(file(tenantId, 'deltas'), { force: true })
        deltaCounts.set(tenantId, 0)
      })
    },
    saveDelta(tenantId, token) {
      const count = (deltaCounts.get(tenantId) ?? 0) + 1
      deltaCounts.set(tenantId, count)
      // Past the cap the saved state falls behind; control answers the gap with a new snapshot after a restart.
      if (count > caps.savedDeltas.default) return
      enqueue(tenantId, async () => {
        await using handle = await open(file(tenantId, 'deltas'), 'a', 0o600)
        await handle.appendFile(`${token}\n`)
      })
    },
    saveHeartbeat(tenantId, token) {
      const isQueued = heartbeats.has(tenantId)
      heartbeats.set(tenantId, token)
      if (isQueued) return
      enqueue(tenantId, async () => {
        const newest = heartbeats.get(tenantId)
        heartbeats.delete(tenantId)
        if (newest !== undefined) await replaceFile(file(tenantId, 'heartbeat'), newest, false)
      })
    },
    forget(tenantId) {
      enqueue(tenantId, async () => {
        for (const kind of ['snapshot', 'deltas', 'heartbeat']) await rm(file(tenantId, kind), { force: true })
      })
    },
    saveWelcome(welcome) {
      enqueue('welcome', () => replaceFile(join(folder, 'welcome.json'), JSON.stringify(welcome)))
    },
    async readWelcome() {
      const text = await readText(join(folder, 'welcome.json'))
      if (text === undefined) return undefined
      const value: unknown = JSON.parse(text)
      return isSavedWelcome(value) ? value : undefined
    },
    async settled() {
      await Promise.all(queues.values())
    },
  }

  function file(tenantId: string, kind: string): string {
    return join(folder, `${tenantId}.${kind}`)
  }

  function enqueue(key: string, work: () => Promise<void>): void {
    const next = (queues.get(key) ?? mkdir(folder, { recursive: true, mode: 0o700 }).then(() => undefined))
      .then(work)
      .catch(onFailure)
      .finally(() => {
        if (queues.get(key) === next) queues.delete(key)
      })
    queues.set(key, next)
  }

  async function readTenant(tenantId: string): Promise<SavedTenant | undefined> {
    if (!isId('tenant', tenantId)) return undefined
    try {
      const saved: unknown = JSON.parse((await readText(file(tenantId, 'snapshot'))) ?? 'null')
      if (!isSavedSnapshot(saved)) return undefined
      const deltas = ((await readText(file(tenantId, 'deltas'))) ?? '').split('\n').filter((line) => line !== '')
      deltaCounts.set(tenantId, deltas.length)
      return { tenantId, ...saved, deltas, heartbeat: await readText(file(tenantId, 'heartbeat')) }
    } catch (error) {
      onFailure(error)
      return undefined
    }
  }
}

function isSavedSnapshot(value: unknown): value is { readonly root: string; readonly chunks: readonly string[] } {
  if (typeof value !== 'object' || value === null || !('root' in value) || !('chunks' in value)) return false
  return typeof value.root === 'string' && isTexts(value.chunks)
}

function isSavedWelcome(value: unknown): value is SavedWelcome {
  if (typeof value !== 'object' || value === null || !('snapshotKeys' in value) || !('statementKeys' in value))
    return false
  if (!('appsDomain' in value) || typeof value.appsDomain !== 'string') return false
  if (!('publicPort' in value) || typeof value.publicPort !== 'number') return false
  if (!('exchanges' in value) || !isTexts(value.exchanges)) return false
  return isTexts(value.snapshotKeys) && isTexts(value.statementKeys)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function replaceFile(path: string, text: string, isDurable = true): Promise<void> {
  const temporary = `${path}.new`
  {
    await using handle = await open(temporary, 'w', 0o600)
    await handle.writeFile(text)
    if (isDurable) await handle.sync()
  }
  await rename(temporary, path)
}
