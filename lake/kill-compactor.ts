// Tests only: compacts one tenant, merges, removes old days and lets the segments go, and kills itself at a named moment.
// Arguments: root, tenant, custodian's private key (PEM), keys (JSON of {keyId, writer|null, pem}), step, how many times
// that step passes first.
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { join } from 'node:path'
import { isId } from '#core/ids.ts'
import { chainPlace } from '#journal/layout.ts'
import { acquireLock } from '#journal/lock.ts'
import type { JournalKey } from '#journal/statement.ts'
import { removeSegments } from '#journal/tombstone.ts'
import { defaultCaps } from './caps.ts'
import { compactTenant } from './compact.ts'
import { openDatabase } from './database.ts'
import { lockPath } from './layout.ts'
import { mergeDays } from './merge.ts'
import { removeDaysBefore, sweepTenant } from './retain.ts'

const [root = '', tenant = '', pem = '', keyList = '[]', wanted = '', passes = '0'] = process.argv.slice(2)
if (!isId('tenant', tenant)) throw new Error('no tenant')
const folder = join(root, 'lake')
const journalRoot = join(root, 'journal')
const privateKey = createPrivateKey(pem)
const keys = (JSON.parse(keyList) as { keyId: string; writer: string | null; pem: string }[]).map(
  ({ keyId, writer, pem: text }): JournalKey => {
    const publicKey = createPublicKey(text)
    return writer === null ? { kind: 'custodian', keyId, publicKey } : { kind: 'writer', keyId, writer, publicKey }
  },
)
let left = Number(passes)
const onStep = (step: string): void => {
  if (step === wanted && left-- === 0) process.kill(process.pid, 'SIGKILL')
}
const caps = { ...defaultCaps, maxMemoryBytes: 128 * 1024 * 1024, maxBatchBytes: 6000, mergeFiles: 2 }
const signal = AbortSignal.timeout(60_000)
const database = await openDatabase(folder, caps)
const lock = await acquireLock(lockPath(folder))
await sweepTenant(folder, journalRoot, tenant)
const { watermarks, problems } = await compactTenant(database, {
  folder,
  journalRoot,
  tenant,
  keys,
  caps,
  signal,
  onStep,
})
if (problems.length > 0) throw new Error(JSON.stringify(problems))
for (const { writer, through } of watermarks) {
  onStep('before-segments')
  const signer = { keyId: 'custodian', sign: (bytes: Uint8Array) => sign(null, bytes, privateKey) }
  await removeSegments(
    chainPlace(journalRoot, tenant, writer),
    { throughSequence: through, reason: 'shipped' },
    { keys, signer, nowMs: Date.now },
  )
  onStep('after-segments')
}
await mergeDays(database, { folder, tenant, before: '2027-01-01', caps, signal, onStep })
await removeDaysBefore(database, { folder, tenant, before: '2026-11-25', signal, onStep })
await lock.release()
await database.close()
