// `npm test`: everything that finishes in minutes. `npm test -- --long`: the long suites after it.
// Words that are not options choose files: `npm test -- exchange` runs the tests below exchange/.
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildConsole } from './build-console.ts'
import { installDebianPackages } from './debian-packages.ts'

// The longest suite, killing parts for minutes, has deadlines of its own.
const TEST_TIMEOUT_MS = 20 * 60_000

const options = process.argv.slice(2).filter((word) => word.startsWith('-'))
const words = process.argv.slice(2).filter((word) => !word.startsWith('-'))
const isLong = options.includes('--long')

const missing = installDebianPackages()
if (missing.length > 0) process.stderr.write(`not installed, tests that need them say so: ${missing.join(' ')}\n`)

buildConsole()

const all = globSync('**/*.test.ts', {
  exclude: (name) => ['node_modules', 'dist', 'data', '.git'].includes(name),
}).toSorted()
const chosen = all.filter(
  (file) =>
    file.endsWith('.long.test.ts') === isLong && (words.length === 0 || words.some((word) => file.startsWith(word))),
)
if (chosen.length === 0) {
  process.stderr.write('no test file matches\n')
  process.exit(64)
}
// Suites that measure time themselves or start many processes run alone, after the rest.
const alone = chosen.filter((file) => file.startsWith('e2e/') || isLong)
const together = chosen.filter((file) => !alone.includes(file))
process.exit(run(together, 2) || run(alone, 1))

/** With CI set, what failed is tried once more and both outcomes are shown: the machine is shared, the bar is not lower. */
function run(files: readonly string[], concurrency: number): number {
  if (files.length === 0) return 0
  const state = join(mkdtempSync(join(tmpdir(), 'sallyport-tests-')), 'state')
  const once = () =>
    spawnSync(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--test',
        `--test-concurrency=${concurrency}`,
        `--test-timeout=${TEST_TIMEOUT_MS}`,
        `--test-rerun-failures=${state}`,
        '--test-reporter=spec',
        ...files,
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    ).status ?? 1
  const status = once()
  if (status === 0 || !process.env['CI']) return status
  process.stderr.write('\nonce more, only what failed:\n')
  return once()
}
