// Starts a long-running part once more when this process had to compile its own source: whoever strips types holds a
// compiler of 25 MB for the rest of its life, in every thread. Must never restart twice, nor once a part runs.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { flushCompileCache, getCompileCacheDir } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MARK = 'SALLYPORT_RESTARTED'
const COMPILER = 'NativeModule internal/deps/amaro/dist/index'
const root = fileURLToPath(new URL('../', import.meta.url))

/**
 * To be called when everything that the part needs is imported; `also` imports what it will need later. Does not return
 * when the process begins anew.
 */
export async function restartWhenCold(also?: () => Promise<unknown>): Promise<void> {
  if (!mayRestart() || !isCompilerLoaded()) return
  await also?.()
  restart()
}

/**
 * For a process with threads, whose modules this thread does not load: `load` imports them here when source has changed
 * since they were last compiled.
 */
export async function compileThreads(load: () => Promise<unknown>, folders: readonly string[]): Promise<void> {
  const cache = getCompileCacheDir()
  if (cache === undefined || !mayRestart()) return
  const stamp = join(cache, 'sallyport-threads')
  const now = newestOf(folders)
  if (readOrEmpty(stamp) === now) return
  await load()
  flushCompileCache()
  mkdirSync(cache, { recursive: true })
  writeFileSync(stamp, now)
  restart()
}

function mayRestart(): boolean {
  const isRestarted = process.env[MARK] !== undefined
  // Programs that this one starts are others.
  delete process.env[MARK]
  return !isRestarted && getCompileCacheDir() !== undefined && process.execve !== undefined
}

function isCompilerLoaded(): boolean {
  const loaded: unknown = Reflect.get(process, 'moduleLoadList')
  return Array.isArray(loaded) && loaded.includes(COMPILER)
}

function restart(): void {
  flushCompileCache()
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  process.execve?.(process.execPath, args, { ...process.env, [MARK]: '1' })
}

/** Changes whenever a source file of the folders does: how many there are, and when the last was written. */
function newestOf(folders: readonly string[]): string {
  let files = 0
  let newestMs = 0
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue
      files++
      newestMs = Math.max(newestMs, statSync(join(root, folder, name)).mtimeMs)
    }
  }
  return `${process.version} ${files} ${newestMs}`
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
