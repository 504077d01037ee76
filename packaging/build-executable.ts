// One file that runs a part: our source bundled, inside the pinned Node. Must never take in another part's commands, a
// path of this machine, or a time.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'rolldown'
import { Fault } from '#core/fault.ts'

export type ExecutablePart = 'agent' | 'connector'

const root = resolve(import.meta.dirname, '..')

/** Writes `<folder>/sallyport-<part>` and returns its path, and that of the bundle inside it. */
export async function buildExecutable(part: ExecutablePart, folder: string): Promise<{ file: string; bundle: string }> {
  const bundle = join(folder, `${part}.mjs`)
  const commands = resolve(root, `packaging/programs/${part}-commands.ts`)
  const table = resolve(root, 'cli/commands.ts')
  await build({
    input: resolve(root, 'cli/main.ts'),
    cwd: root,
    platform: 'node',
    logLevel: 'warn',
    output: { file: bundle, format: 'esm', codeSplitting: false, minify: false },
    plugins: [
      {
        name: 'one-part',
        resolveId(source, importer) {
          if (importer === undefined || !source.endsWith('commands.ts')) return null
          const target = source.startsWith('#') ? resolve(root, source.slice(1)) : resolve(importer, '..', source)
          return target === table ? commands : null
        },
      },
    ],
  })
  const text = readFileSync(bundle, 'utf8')
  if (text.includes(root)) throw new Fault('internal', { detail: { why: 'a path of this machine is in the bundle' } })
  const file = join(folder, `sallyport-${part}`)
  const config = join(folder, `${part}-sea.json`)
  writeFileSync(
    config,
    JSON.stringify({
      // Relative: the path is written into the file.
      main: `${part}.mjs`,
      mainFormat: 'module',
      output: `sallyport-${part}`,
      disableExperimentalSEAWarning: true,
      // Either would bind the file to the processor that built it, and differ from run to run.
      useCodeCache: false,
      useSnapshot: false,
    }),
  )
  const made = spawnSync(process.execPath, ['--build-sea', config], { encoding: 'utf8', cwd: folder })
  if (made.status !== 0) throw new Fault('internal', { detail: { why: made.stderr } })
  return { file, bundle }
}
