// The commands on a data folder, as a person runs them.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { decisionEvent, newTenant, newTestLake, startTestWriter, START_MS, writerKey } from './testing.ts'

test('compact, status, query and verify work on a data folder, and exit codes tell damage', async () => {
  await using at = await newTestLake()
  const tenant = newTenant()
  const journal = await startTestWriter(at)
  for (let n = 0; n < 30; n++) journal.append(tenant, decisionEvent({ n, tenant, timeMs: START_MS + n }))
  await journal.close()
  const { keyId, publicKey } = writerKey.key
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  await writeFile(
    join(at.journalRoot, 'keys.json'),
    JSON.stringify([{ kind: 'writer', keyId, writer: 'exc_one', pem }]),
  )
  const run = (...args: readonly string[]) => {
    const all = ['cli/main.ts', 'lake', ...args, '--data', at.root, '--json']
    const { status, stdout, stderr } = spawnSync(process.execPath, all, {
      cwd: resolve(import.meta.dirname, '..'),
      encoding: 'utf8',
    })
    return { status, stderr, value: stdout === '' ? undefined : JSON.parse(stdout) }
  }
  const compacted = run('compact')
  assert.equal(compacted.status, 0, compacted.stderr)
  assert.ok(compacted.value[0].rows > 10)
  assert.equal(run('status').value[0].rows, compacted.value[0].rows)
  const page = run('query', '--tenant', tenant, '--user', 'alice', '--limit', '3').value
  assert.deepEqual(
    page.items.map((one: { uid: string }) => one.uid),
    ['uid-29', 'uid-28', 'uid-27'],
  )
  assert.equal(run('query', '--tenant', tenant, '--by', 'app').value.groups[0].count, 30)
  assert.equal(run('verify').status, 0)
  assert.equal(run('query', '--tenant', '../../etc').status === 0, false)
  await writeFile(join(at.folder, `tenant=${tenant}`, 'manifest.json'), 'damaged')
  assert.equal(run('verify').status, 1)
})
