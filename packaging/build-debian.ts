// A Debian package of one executable with its unit. The same input gives the same bytes: owners, times and order are fixed.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, rmSync, statSync, utimesSync, globSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Fault } from '#core/fault.ts'
import type { ExecutablePart } from './build-executable.ts'

const root = resolve(import.meta.dirname, '..')

const summaries: Readonly<Record<ExecutablePart, string>> = {
  agent: "agent of the Sallyport exchange, for people's devices",
  connector: 'connector of the Sallyport exchange, beside private apps',
}

export type DebianConfig = {
  readonly part: ExecutablePart
  readonly executable: string
  readonly folder: string
  readonly version: string
  readonly architecture: 'amd64' | 'arm64'
  /** Seconds since 1970 that every file is dated with. */
  readonly epoch: number
}

/** Writes `<folder>/sallyport-<part>_<version>_<architecture>.deb` and returns its path. */
export function buildDebian({ part, executable, folder, version, architecture, epoch }: DebianConfig): string {
  const name = `sallyport-${part}`
  const tree = join(folder, `${name}.tree`)
  const put = (from: string, to: string, mode: number) => {
    const at = join(tree, to)
    mkdirSync(join(at, '..'), { recursive: true, mode: 0o755 })
    cpSync(from, at)
    chmodSync(at, mode)
  }
  rmSync(tree, { recursive: true, force: true })
  put(executable, `usr/bin/${name}`, 0o755)
  const units = part === 'agent' ? 'usr/lib/systemd/user' : 'usr/lib/systemd/system'
  put(join(root, `packaging/systemd/${name}.service`), `${units}/${name}.service`, 0o644)
  put(join(root, 'LICENSE'), `usr/share/doc/${name}/copyright`, 0o644)
  mkdirSync(join(tree, 'DEBIAN'), { mode: 0o755 })
  const control = [
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: Sallyport <sallyport@localhost>',
    'Section: net',
    'Priority: optional',
    // What the Node inside it is linked with.
    'Depends: libc6 (>= 2.28), libstdc++6',
    `Installed-Size: ${Math.ceil(statSync(executable).size / 1024)}`,
    `Description: ${summaries[part]}`,
    ' One file; it needs no Node and changes nothing at installation but its own files.',
    '',
  ]
  writeFileSync(join(tree, 'DEBIAN/control'), control.join('\n'), { mode: 0o644 })
  for (const each of globSync('**', { cwd: tree })) utimesSync(join(tree, each), epoch, epoch)
  const file = join(folder, `${name}_${version}_${architecture}.deb`)
  const made = spawnSync('dpkg-deb', ['--build', '--root-owner-group', '-Zgzip', '-z3', tree, file], {
    encoding: 'utf8',
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
  })
  rmSync(tree, { recursive: true, force: true })
  if (made.status !== 0) throw new Fault('internal', { detail: { why: made.stderr } })
  return file
}
