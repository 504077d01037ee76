// `npm run check`: types, lint, format, unused code, tests. What it cannot check is not a rule.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const bin = (name: string) => `node_modules/.bin/${name}`
const steps: readonly (readonly [string, readonly string[]])[] = [
  [bin('tsc'), ['-p', '.']],
  ...(existsSync('console/tsconfig.json') ? [[bin('tsc'), ['-p', 'console']] as const] : []),
  [bin('oxlint'), ['--type-aware']],
  [bin('oxfmt'), ['--check', '.']],
  [bin('knip'), ['--no-progress']],
]
for (const [command, args] of steps) {
  process.stderr.write(`${command.split('/').at(-1)} ${args.join(' ')}\n`)
  const result = spawnSync(command, args, { stdio: 'inherit' })
  if (result.status !== 0) process.exit(result.status ?? 1)
}
if (!process.argv.includes('--no-tests')) {
  const result = spawnSync(process.execPath, ['cli/run-tests.ts'], { stdio: 'inherit' })
  process.exit(result.status ?? 1)
}
