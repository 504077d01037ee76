// What carries traffic loads neither the policy language's engine, nor DuckDB, nor the store: looked at in what Node has
// really loaded for each part, and in the memory map of a running installation.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { promisify } from 'node:util'

const parts = [
  ['exchange', '../exchange/server.ts'],
  ['agent', '../agent/agent.ts'],
  ['connector', '../connector/connector.ts'],
] as const
const strangers = ['cedar-wasm', 'cedar_wasm', 'duckdb', 'kysely', 'node_modules/pg/', 'oidc-provider']

for (const [part, file] of parts)
  test(`${part}: neither Cedar's WASM nor DuckDB nor the store is loaded`, async () => {
    const trace = `import { registerHooks } from 'node:module'
      const seen = []
      registerHooks({ load(url, context, next) { seen.push(url); return next(url, context) } })
      await import(${JSON.stringify(new URL(file, import.meta.url).href)})
      const maps = process.platform === 'linux' ? (await import('node:fs')).readFileSync('/proc/self/maps', 'utf8') : ''
      console.log(JSON.stringify({ seen, maps }))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', trace], {
      maxBuffer: 50_000_000,
    })
    const { seen, maps } = JSON.parse(stdout) as { readonly seen: readonly string[]; readonly maps: string }
    assert.ok(seen.some((url) => url.includes(`/${part}/`)))
    for (const name of strangers)
      assert.deepEqual(
        [...seen, ...maps.split('\n')].filter((one) => one.includes(name)),
        [],
        `${part} loads ${name}`,
      )
  })

test('what the lake runs beside control with loads no DuckDB into the process of control', async () => {
  const trace = `await import(${JSON.stringify(new URL('../cli/lake.ts', import.meta.url).href)})
    console.log(process.platform === 'linux' ? (await import('node:fs')).readFileSync('/proc/self/maps', 'utf8') : '')`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', trace])
  assert.doesNotMatch(stdout, /duckdb/)
  // The file that is looked for there does load it.
  assert.match(readFileSync(new URL('../lake/database.ts', import.meta.url), 'utf8'), /@duckdb\/node-api/)
})
