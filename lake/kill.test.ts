// A compaction killed without warning at every step, and run again.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { JournalKey } from '#journal/statement.ts'
import { verifyJournal } from '#journal/verify.ts'
import { filePath } from './layout.ts'
import { readManifest } from './manifest.ts'
import { queryEvents } from './query.ts'
import {
  DAY_MS,
  decisionEvent,
  never,
  newTenant,
  newTestLake,
  startTestWriter,
  START_MS,
  writerKey,
} from './testing.ts'
import { verifyTenant } from './verify.ts'

const tenant = newTenant()
const custodian = generateKeyPairSync('ed25519')
const keys: readonly JournalKey[] = [
  writerKey.key,
  { kind: 'custodian', keyId: 'custodian', publicKey: custodian.publicKey },
]
const keyList = JSON.stringify(
  keys.map((key) => ({
    keyId: key.keyId,
    writer: key.kind === 'writer' ? key.writer : null,
    pem: key.publicKey.export({ type: 'spki', format: 'pem' }),
  })),
)
const pem = String(custodian.privateKey.export({ type: 'pkcs8', format: 'pem' }))
const EVENTS = 40
let original = ''

// A journal of three days, the first of which retention is to remove.
before(async () => {
  original = await mkdtemp(join(tmpdir(), 'lake-kill-'))
  const journal = await startTestWriter({ journalRoot: join(original, 'journal') }, 2500)
  for (let n = 0; n < EVENTS; n++) {
    journal.append(tenant, decisionEvent({ n, tenant, timeMs: START_MS + n * 2 * 3_600_000 }))
  }
  await journal.close()
})
after(async () => await rm(original, { recursive: true, force: true }))

function run(root: string, step: string, passes: number): NodeJS.Signals | null {
  const script = join(import.meta.dirname, 'kill-compactor.ts')
  const { signal, status, stderr } = spawnSync(
    process.execPath,
    [script, root, tenant, pem, keyList, step, String(passes)],
    { encoding: 'utf8' },
  )
  assert.ok(signal === 'SIGKILL' || status === 0, stderr)
  return signal
}

async function uids(root: string): Promise<string[]> {
  await using lake = await newTestLake()
  const found: string[] = []
  const reading = { ...lake.reading, folder: join(root, 'lake'), journalRoot: join(root, 'journal') }
  // DuckDB may read below its own folder only, so the copy to look at lies there.
  await cp(join(root, 'lake'), join(lake.folder, 'copy'), { recursive: true })
  const query = { tenant, order: 'oldest-first', limit: 1000 } as const
  const page = await queryEvents(lake.database, query, { ...reading, folder: join(lake.folder, 'copy') })
  for (const { uid } of page.items) found.push(uid ?? '')
  const report = await verifyTenant(lake.database, { folder: join(lake.folder, 'copy'), tenant, keys, signal: never })
  assert.deepEqual(report.problems, [])
  return found
}

const all = Array.from({ length: EVENTS }, (_, n) => `uid-${n}`)
const kept = all.slice(DAY_MS / (2 * 3_600_000))

const steps: readonly (readonly [string, number])[] = [
  ['parquet-written', 0],
  ['parquet-synced', 1],
  ['parquet-renamed', 0],
  ['parquet-renamed', 3],
  ['folder-synced', 1],
  ['manifest-written', 0],
  ['manifest-renamed', 1],
  ['manifest-synced', 1],
  ['before-segments', 0],
  ['after-segments', 0],
  ['files-removed', 0],
]

for (const [step, passes] of steps) {
  test(`killed at ${step} (${passes}): nothing is lost, nothing is there twice`, { timeout: 60_000 }, async () => {
    const root = await mkdtemp(join(tmpdir(), 'lake-kill-'))
    try {
      await cp(original, root, { recursive: true })
      assert.equal(run(root, step, passes), 'SIGKILL')
      const between = await uids(root)
      assert.deepEqual(between, between.length === kept.length ? kept : all, 'after the kill')
      assert.equal(run(root, 'none', 0), null)
      assert.deepEqual(await uids(root), kept, 'after the next run')
      assert.equal((await verifyJournal(join(root, 'journal'), { publicKeys: keys })).isIntact, true)
      const { files } = await readManifest(join(root, 'lake'), tenant)
      const named = files.map((file) => filePath(join(root, 'lake'), tenant, file)).toSorted()
      const there = (await readdir(join(root, 'lake', `tenant=${tenant}`), { recursive: true }))
        .filter((name) => name.includes('parquet'))
        .map((name) => join(root, 'lake', `tenant=${tenant}`, name))
      assert.deepEqual(there.toSorted(), named, 'an orphan is left')
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  })
}
