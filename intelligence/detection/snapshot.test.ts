// What was saved is read again, also as earlier versions saved it, and holds no more memory than it needs.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { caps } from '#intelligence/caps.ts'
import { countBoth, usersOfBoth } from './co-use.ts'
import { loadState, saveState } from './snapshot.ts'
import { newState } from './state.ts'
import { appOf } from './tenant.ts'

const NOW = 'sallyport-detection-3\n'
const BEFORE = 'sallyport-detection-2\n'

function fileFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-state-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'detection.state')
}

function stateOfThreeApps() {
  const state = newState()
  for (const name of ['wiki', 'files', 'echo']) appOf(state.tenant, name)
  state.tenant.calibrations['mass-download'].bins[7] = 3
  return state
}

test('a state of a few apps is small on disk, and is read as it was', async (t) => {
  const file = fileFor(t)
  const state = stateOfThreeApps()
  state.tenant.coUse = countBoth(state.tenant.coUse, 0, 2)
  await saveState(file, state, 'here')
  assert.ok(statSync(file).size < 100_000)
  const saved = await loadState(file)
  assert.equal(saved?.cursor, 'here')
  assert.deepEqual(saved?.state, state)
})

test('a state of the version before keeps its counts and lets its full size go', async (t) => {
  const file = fileFor(t)
  const state = stateOfThreeApps()
  const side = caps.coUseApps.default
  state.tenant.coUse = new Uint16Array(side ** 2)
  state.tenant.coUse[2] = 9
  state.tenant.coUse[2 * side] = 9
  await saveState(file, state, 'here')
  const bytes = readFileSync(file)
  assert.equal(bytes.toString('latin1', 0, NOW.length), NOW)
  bytes.write(BEFORE, 'latin1')
  writeFileSync(file, bytes)
  const tenant = (await loadState(file))?.state.tenant
  assert.ok(tenant)
  assert.equal(usersOfBoth(tenant.coUse, 0, 2), 9)
  assert.equal(usersOfBoth(tenant.coUse, 2, 0), 9)
  const { bins } = tenant.calibrations['mass-download']
  assert.equal(bins[7], 3)
  for (const { buffer } of [tenant.coUse, bins]) assert.ok(buffer.byteLength < 100_000)
})

test('a state that is damaged or of an unknown version is refused', async (t) => {
  const file = fileFor(t)
  await saveState(file, stateOfThreeApps(), undefined)
  const good = readFileSync(file)
  for (const at of [NOW.length - 2, NOW.length, good.length - 1]) {
    const bad = Buffer.from(good)
    bad[at] = (bad[at] ?? 0) ^ 8
    writeFileSync(file, bad)
    await assert.rejects(loadState(file), { code: 'document-invalid' })
  }
})
