// One running part per state folder: two connectors with one identity would cut each other's links for ever. Must never
// take a folder whose holder still runs, nor refuse one whose holder was killed.
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Fault } from '#core/fault.ts'

const FILE = 'running.lock'
const ATTEMPTS = 3

export type FolderLock = { readonly release: () => Promise<void> }

/** Throws Fault `address-in-use`. Parts in different containers do not see each other: give each a folder. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, FILE)
  const mine = `${process.pid} ${await startOf(process.pid)} ${randomUUID()}`
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await create(path, mine)) {
      return {
        async release() {
          if ((await textOf(path)) === mine) await rm(path, { force: true })
        },
      }
    }
    const holder = (await textOf(path)) ?? ''
    if (await isRunning(holder)) {
      const pid = Number(holder.split(' ')[0])
      throw new Fault('address-in-use', { hint: `Process ${pid} runs with ${folder} already.`, detail: { pid } })
    }
    // Renamed, not removed: of two that find a dead holder at once, one finds nothing left to rename.
    const stale = `${path}.${randomUUID()}`
    await rename(path, stale).catch(() => undefined)
    await rm(stale, { force: true })
  }
  throw new Fault('address-in-use', { hint: `Others are starting with ${folder}.` })
}

/** False when it is there already. Linked as a whole: an empty lock would look like one whose holder died. */
async function create(path: string, text: string): Promise<boolean> {
  const whole = `${path}.${randomUUID()}`
  await writeFile(whole, text, { flag: 'wx', mode: 0o600 })
  try {
    await link(whole, path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    await rm(whole, { force: true })
  }
}

async function isRunning(holder: string): Promise<boolean> {
  const [pidText = '', start = ''] = holder.split(' ')
  const pid = Number(pidText)
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
  }
  // The process id may have been given to another program since.
  return (await startOf(pid)) === start
}

/** When a process started, as text that differs between boots; `unknown` where the system does not tell. */
async function startOf(pid: number): Promise<string> {
  const stat = await textOf(`/proc/${pid}/stat`)
  const boot = await textOf('/proc/sys/kernel/random/boot_id')
  if (stat === undefined || boot === undefined) return 'unknown'
  return `${boot.trim()}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'unknown'}`
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}
