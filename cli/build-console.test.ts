// Who starts control is often not who installed it: the console is built where that is possible, served as it is where
// not, and its absence is said plainly.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'node:test'

const root = fileURLToPath(new URL('../', import.meta.url))
const NOBODY = 65_534
const skip = process.getuid?.() === 0 ? false : 'needs root, to be another account'

function copyOf(options: { readonly built: boolean; readonly owner: number }): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-copy-'))
  chmodSync(folder, 0o755)
  for (const name of ['console', 'core', 'package.json', 'tsconfig.json', 'tsconfig.base.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true, filter: (path) => !path.endsWith('console/dist') })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  if (options.built) {
    mkdirSync(join(folder, 'console', 'dist'))
    writeFileSync(join(folder, 'console', 'dist', 'index.html'), 'old')
    utimesSync(join(folder, 'console', 'dist', 'index.html'), 1000, 1000)
  }
  for (const path of ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })])
    if (!path.startsWith('node_modules')) chownSync(join(folder, path), options.owner, options.owner)
  return folder
}

function buildAs(uid: number, from: string) {
  const script = `
    const { buildConsole } = await import(${JSON.stringify(join(root, 'cli/build-console.ts'))})
    try { buildConsole({ from: ${JSON.stringify(from)}, say: (line) => console.log(line) }) }
    catch (error) { console.log('fault ' + error.code + ' ' + error.message) }`
  const environment = { PATH: process.env['PATH'], HOME: '/nonexistent', TMPDIR: tmpdir() }
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    uid,
    gid: uid,
    cwd: '/',
    encoding: 'utf8',
    env: environment,
  })
  return `${result.stdout}${result.stderr}`
}

describe('the console', { skip }, () => {
  it('is built by an account that owns it, though node_modules is another’s', () => {
    const folder = copyOf({ built: true, owner: NOBODY })
    try {
      const said = buildAs(NOBODY, folder)
      assert.match(said, /^building the console …\n$/)
      assert.ok(existsSync(join(folder, 'console', 'dist', 'assets')))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('is served as it was built where the account may not write, and that is said', () => {
    const folder = copyOf({ built: true, owner: 0 })
    try {
      assert.match(
        buildAs(NOBODY, folder),
        /^serving the console as built 1970-01-01T00:16:40.000Z, older.*may not write/,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('that is not there and cannot be built is a clear refusal', () => {
    const folder = copyOf({ built: false, owner: 0 })
    try {
      assert.match(buildAs(NOBODY, folder), /^fault configuration-invalid .*There is no built console.*may not write/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
