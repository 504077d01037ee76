// Builds the console when its files are newer than the last build. The servers themselves have no build step. Must never
// stop a start for want of a newer console when there is one to serve, nor serve an older one without saying so.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, globSync, mkdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { Fault } from '#core/fault.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
export const consoleFolder = join(root, 'console', 'dist')

export type ConsoleBuild = {
  /** Folder with `console/`, `core/` and `node_modules/`. */
  readonly from: string
  readonly say: (line: string) => void
}

/** Throws Fault `configuration-invalid` when there is no console and none can be made. */
export function buildConsole({ from, say }: ConsoleBuild = { from: root, say: tell }): void {
  const folder = join(from, 'console', 'dist')
  if (!existsSync(join(from, 'console', 'vite.config.ts'))) return
  const builtMs = statSync(join(folder, 'index.html'), { throwIfNoEntry: false })?.mtimeMs
  const sources = globSync('{console,core}/**/*.{ts,tsx,css,html}', { cwd: from, exclude: (name) => name === 'dist' })
  if (builtMs !== undefined && sources.every((file) => statSync(join(from, file)).mtimeMs <= builtMs)) return
  const obstacle = whyNotInto(folder)
  if (obstacle !== undefined) return settle(obstacle)
  say('building the console …')
  // Vite's other loaders write a copy of its configuration below node_modules, which another account may own.
  const loader = ['--configLoader', 'runner']
  const result = spawnSync(
    process.execPath,
    [join(from, 'node_modules/vite/bin/vite.js'), 'build', 'console', '--logLevel', 'warn', ...loader],
    { cwd: from, stdio: ['ignore', 2, 2] },
  )
  if (result.status !== 0) settle('the build failed')

  function settle(why: string): void {
    if (builtMs === undefined)
      throw new Fault('configuration-invalid', {
        hint: `There is no built console, and ${why}. Run it once as the owner of ${join(from, 'console')}.`,
      })
    say(`serving the console as built ${new Date(builtMs).toISOString()}, older than its files: ${why}`)
  }
}

function tell(line: string): void {
  process.stderr.write(`sallyport: ${line}\n`)
}

/** What would keep this account from building there. */
function whyNotInto(folder: string): string | undefined {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
    if (existsSync(join(folder, 'index.html'))) accessSync(join(folder, 'index.html'), constants.W_OK)
    return undefined
  } catch {
    return `this account may not write to ${folder}`
  }
}
