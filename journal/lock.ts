// One process per writer and root: two would tear each other's chains. Must never take a lock whose holder still runs.
import { readFile, open, rename, rm } from 'node:fs/promises'
import { Fault } from '#core/fault.ts'
import { errorCode, isMissing } from './layout.ts'

export type WriterLock = {
  /** True while the lock file still names this holder. */
  readonly isHeld: () => Promise<boolean>
  readonly release: () => Promise<void>
}

const ATTEMPTS = 3

/** Throws `address-in-use` when another running process, or this one, holds the lock. */
export async function acquireLock(path: string): Promise<WriterLock> {
  const token = `${process.pid} ${await processStart(process.pid)} ${crypto.randomUUID()}`
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const file = await open(path, 'wx', 0o600)
      try {
        await file.writeFile(token)
      } finally {
        await file.close()
      }
      const isHeld = async (): Promise<boolean> => (await textOf(path)) === token
      return {
        isHeld,
        release: async () => {
          if (await isHeld()) await rm(path, { force: true })
        },
      }
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      if (await isRunning((await textOf(path)) ?? '')) break
      // Renamed, not removed: of two that find a stale lock at once, one finds nothing left to rename.
      const stale = `${path}.${crypto.randomUUID()}`
      await rename(path, stale).catch((cause: unknown) => {
        if (!isMissing(cause)) throw cause
      })
      await rm(stale, { force: true })
    }
  }
  throw new Fault('address-in-use', { hint: 'Another process writes this journal.', detail: { path } })
}

async function isRunning(token: string): Promise<boolean> {
  const [pidText = '', start = ''] = token.split(' ')
  const pid = Number(pidText)
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false
  }
  // The process id may have been given to another program since.
  return (await processStart(pid)) === start
}

/** When a process started, as text that differs between boots; `unknown` where the system does not tell. */
async function processStart(pid: number): Promise<string> {
  const stat = await textOf(`/proc/${pid}/stat`)
  const boot = await textOf('/proc/sys/kernel/random/boot_id')
  if (stat === undefined || boot === undefined) return 'unknown'
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return `${boot.trim()}:${fields[19] ?? 'unknown'}`
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
