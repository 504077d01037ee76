// A part that compiled its own source begins anew once, and then runs without the compiler.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'

const warmStart = fileURLToPath(new URL('warm-start.ts', import.meta.url))
const script = `
  const { restartWhenCold } = await import(process.env.WARM_START)
  process.stdout.write('begun ')
  await restartWhenCold()
  const isCold = process.moduleLoadList.includes('NativeModule internal/deps/amaro/dist/index')
  process.stdout.write(isCold ? 'cold' : 'warm')
  process.stdout.write(process.env.SALLYPORT_RESTARTED === undefined ? '' : ' marked')`

function run(env: Readonly<Record<string, string>>): string {
  const { NODE_COMPILE_CACHE: _kept, ...rest } = process.env
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...rest, WARM_START: warmStart, ...env },
    encoding: 'utf8',
  })
}

it('begins anew once when it had to compile, and not again', (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'sallyport-warm-'))
  t.after(() => rmSync(cache, { recursive: true, force: true }))
  assert.equal(run({ NODE_COMPILE_CACHE: cache }), 'begun begun warm')
  assert.equal(run({ NODE_COMPILE_CACHE: cache }), 'begun warm')
})

it('goes on where nothing can be kept', () => {
  assert.equal(run({}), 'begun cold')
})

it('never begins a third time, whatever the cache holds', (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'sallyport-warm-'))
  t.after(() => rmSync(cache, { recursive: true, force: true }))
  assert.equal(run({ NODE_COMPILE_CACHE: cache, SALLYPORT_RESTARTED: '1' }), 'begun cold')
})
