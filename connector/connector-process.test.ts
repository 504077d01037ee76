// A connector as its own process: it listens on nothing and carries nothing of other parts.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import * as world from './testing.ts'

test(
  'listens on no socket, and loads no policy engine, store or sign-in',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const tenant = await world.makeTenant()
    await using exchange = new world.TestExchange(tenant)
    await exchange.start()
    await using folder = await world.stateFolder()
    await tenant.identity(await tenant.certify(86_400_000), [exchange.address]).save(folder.path)
    const script = new URL('./alone.ts', import.meta.url).pathname
    const running = promisify(execFile)(process.execPath, [script, folder.path], { timeout: 15_000 })
    await exchange.welcome()
    const { listening, loaded, residentBytes } = JSON.parse((await running).stdout) as {
      listening: unknown[]
      loaded: string[]
      residentBytes: number
    }
    assert.deepEqual(listening, [])
    const strangers = loaded.filter((url) =>
      /cedar-wasm|kysely|\/pg\/|oidc-provider|duckdb|\/(control|exchange|agent)\//.test(url),
    )
    assert.deepEqual(strangers, [])
    t.diagnostic(`resident: ${Math.round(residentBytes / 1e6)} MB`)
  },
)
