// Builds the console when its files are newer than the last build. The servers themselves have no build step.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { Fault } from '#core/fault.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
export const consoleFolder = join(root, 'console', 'dist')

export function buildConsole(): void {
  if (!existsSync(join(root, 'console', 'vite.config.ts'))) return
  const built = statSync(join(consoleFolder, 'index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = globSync('{console,core}/**/*.{ts,tsx,css,html}', { cwd: root, exclude: (name) => name === 'dist' })
  if (sources.every((file) => statSync(join(root, file)).mtimeMs <= built)) return
  process.stderr.write('sallyport: building the console …\n')
  const result = spawnSync(
    process.execPath,
    [join(root, 'node_modules/vite/bin/vite.js'), 'build', 'console', '--logLevel', 'warn'],
    { cwd: root, stdio: ['ignore', 2, 2] },
  )
  if (result.status !== 0) throw new Fault('internal', { hint: 'The console could not be built.' })
}
