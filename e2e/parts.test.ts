// The import table holds: violations planted in a copy of the tree are each reported by the linter.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

type Planted = { readonly file: string; readonly text: string; readonly rule: string }

const planted: readonly Planted[] = [
  {
    file: 'core/planted-node.ts',
    text: "import { readFileSync } from 'node:fs'\nexport const a = readFileSync\n",
    rule: 'no-restricted-imports',
  },
  { file: 'core/planted-buffer.ts', text: "export const a = Buffer.from('x')\n", rule: 'no-restricted-globals' },
  {
    file: 'core/planted-part.ts',
    text: "import { a } from '#control/server.ts'\nexport const b = a\n",
    rule: 'no-restricted-imports',
  },
  {
    file: 'exchange/planted-wasm.ts',
    text: "import * as cedar from '@cedar-policy/cedar-wasm/nodejs'\nexport const a = cedar\n",
    rule: 'no-restricted-imports',
  },
  ...['exchange', 'agent', 'connector', 'control'].map((part) => ({
    file: `${part}/planted-duckdb.ts`,
    text: "import { DuckDBInstance } from '@duckdb/node-api'\nexport const a = DuckDBInstance\n",
    rule: 'no-restricted-imports',
  })),
  ...['agent', 'connector'].map((part) => ({
    file: `${part}/planted-wasm.ts`,
    text: "import * as cedar from '@cedar-policy/cedar-wasm/nodejs'\nexport const a = cedar\n",
    rule: 'no-restricted-imports',
  })),
  {
    file: 'exchange/planted-control.ts',
    text: "import { a } from '#control/server.ts'\nexport const b = a\n",
    rule: 'no-restricted-imports',
  },
  {
    file: 'exchange/planted-store.ts',
    text: "import { Kysely } from 'kysely'\nexport const a = Kysely\n",
    rule: 'no-restricted-imports',
  },
  {
    file: 'connector/planted-exchange.ts',
    text: "import { a } from '#exchange/server.ts'\nexport const b = a\n",
    rule: 'no-restricted-imports',
  },
  {
    file: 'agent/planted-journal.ts',
    text: "import { a } from '#journal/caps.ts'\nexport const b = a\n",
    rule: 'no-restricted-imports',
  },
  {
    file: 'console/planted-node.ts',
    text: "import { readFileSync } from 'node:fs'\nexport const a = readFileSync\n",
    rule: 'no-restricted-imports',
  },
  {
    file: 'console/planted-transport.ts',
    text: "import { a } from '#transport/caps.ts'\nexport const b = a\n",
    rule: 'no-restricted-imports',
  },
  {
    file: 'journal/planted-up.ts',
    text: "import { newId } from '../core/ids.ts'\nexport const a = newId\n",
    rule: 'no-restricted-imports',
  },
  {
    file: 'journal/planted-package.ts',
    text: "import * as z from 'zod'\nexport const a = z\n",
    rule: 'no-restricted-imports',
  },
  {
    file: 'transport/planted-cycle.ts',
    text: "import { b } from './planted-cycle-b.ts'\nexport const a = () => b\n",
    rule: 'no-cycle',
  },
  {
    file: 'transport/planted-cycle-b.ts',
    text: "import { a } from './planted-cycle.ts'\nexport const b = () => a\n",
    rule: 'no-cycle',
  },
  { file: 'transport/planted-default.ts', text: 'export default 1\n', rule: 'no-default-export' },
  {
    file: 'transport/planted-floating.ts',
    text: 'async function later(): Promise<void> {}\nexport const a = () => {\n  later()\n}\n',
    rule: 'no-floating-promises',
  },
  {
    file: 'core/planted-case.ts',
    text: "export function a(kind: 'x' | 'y'): number {\n  switch (kind) {\n    case 'x':\n      return 1\n  }\n  return 0\n}\n",
    rule: 'switch-exhaustiveness-check',
  },
  { file: 'core/planted-any.ts', text: 'export const a: any = 1\n', rule: 'no-explicit-any' },
  { file: 'core/planted-long.ts', text: `export const a = [\n${'  1,\n'.repeat(420)}]\n`, rule: 'max-lines' },
]

test('the linter reports every planted violation of the import table and of the house rules', () => {
  const copy = mkdtempSync(join(tmpdir(), 'sallyport-parts-'))
  try {
    const files = execFileSync('git', ['ls-files', '-z', '*.ts', '*.tsx', '*.json'], { encoding: 'utf8' })
      .split('\0')
      .filter(Boolean)
    for (const file of [...files, '.oxlintrc.json']) cpSync(file, join(copy, file))
    symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))
    for (const { file, text } of planted) {
      mkdirSync(join(copy, file, '..'), { recursive: true })
      writeFileSync(join(copy, file), text)
    }
    const result = spawnSync(resolve('node_modules/.bin/oxlint'), ['--type-aware', '--format=json'], {
      cwd: copy,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    })
    const report = JSON.parse(result.stdout) as { diagnostics: { code: string; filename: string }[] }
    for (const { file, rule } of planted) {
      const found = report.diagnostics.some((entry) => entry.filename === file && entry.code.includes(rule))
      assert.equal(found, true, `${file} should be reported by ${rule}`)
    }
    const others = report.diagnostics.filter((entry) => !entry.filename.includes('planted-'))
    assert.deepEqual(
      others.map((entry) => `${entry.filename} ${entry.code}`),
      [],
    )
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
})

test('the lock file names no download address, and no file a path of one machine', () => {
  assert.equal(
    spawnSync('git', ['grep', '-nI', '"resolved": *"http', '--', 'package-lock.json'], { encoding: 'utf8' }).stdout,
    '',
  )
})
