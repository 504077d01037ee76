// What a receiver must not accept, from a writer or from somebody in its place.
import assert from 'node:assert/strict'
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { chainPlace, segmentPath } from './layout.ts'
import { formatLine, genesisHash, hashPrefix, hashRecord } from './record.ts'
import { JournalReceiver, type ReceiverProblem } from './receive.ts'
import { decodeAnswer, decodeBatch, encodeAnswer, encodeBatch, type ShipBatch } from './shipment.ts'
import { signCheckpoint } from './statement.ts'
import { newTenant, newTestKey, newTestRoot, type TestKey } from './testing.ts'
import { verifyJournal } from './verify.ts'

const key = newTestKey('exc_one')
const thief = newTestKey('exc_two')
const publicKeys = [key.key, thief.key]
const tenant = newTenant()
const peer = { writer: 'exc_one', mayShip: (of: TenantId) => of === tenant }

type Made = { hash: string; sequence: number }
const start = (of = tenant, writer = 'exc_one'): Made => ({ hash: genesisHash({ tenant: of, writer }), sequence: 0 })

/** A batch as an honest writer would make it, after `after`. */
function batch(
  after: Made,
  events: readonly object[],
  options: { segment?: number; signer?: TestKey; of?: TenantId; writer?: string } = {},
): ShipBatch & { readonly end: Made } {
  const { signer = key, of = tenant, writer = 'exc_one' } = options
  const prefix = hashPrefix({ tenant: of, writer })
  let { hash, sequence } = after
  let text = ''
  for (const event of events) {
    const json = JSON.stringify(event)
    hash = hashRecord(prefix, ++sequence, hash, 5, json)
    text += formatLine(sequence, 5, hash, json)
  }
  const segment = options.segment ?? 1
  const body = { kind: 'checkpoint', tenant: of, writer, segment, sequence, hash } as const
  const checkpoint = signCheckpoint({ ...body, earliestMs: 5, latestMs: 5, timeMs: 5 }, signer.signer)
  const range = { segment, firstSequence: after.sequence + 1, previousHash: after.hash }
  return { tenant: of, writer, ...range, checkpoint, lines: Buffer.from(text), end: { hash, sequence } }
}

function receiver(root: string): { receiver: JournalReceiver; problems: ReceiverProblem[] } {
  const problems: ReceiverProblem[] = []
  const report = (problem: ReceiverProblem): void => void problems.push(problem)
  return { receiver: new JournalReceiver(root, { keys: () => publicKeys, report }), problems }
}

async function refused(given: ShipBatch, reason: string, from = peer): Promise<void> {
  await using dir = await newTestRoot()
  const { receiver: one, problems } = receiver(dir.root)
  const { tenant: of, writer } = given
  assert.deepEqual(await one.accept(given, from), { kind: 'refused', tenant: of, writer, reason })
  assert.deepEqual(await readdir(dir.root), [], 'something was stored')
  assert.equal(problems.length, 1)
}

test('stores and acknowledges what its writer signed', async () => {
  await using dir = await newTestRoot()
  const { receiver: one } = receiver(dir.root)
  const first = batch(start(), [{ n: 1 }, { n: 2 }])
  const second = batch(first.end, [{ n: 3 }])
  assert.deepEqual(await one.accept(first, peer), { kind: 'acknowledged', tenant, writer: 'exc_one', ...first.end })
  assert.deepEqual(await one.accept(second, peer), { kind: 'acknowledged', tenant, writer: 'exc_one', ...second.end })
  const report = await verifyJournal(dir.root, { publicKeys })
  assert.deepEqual(
    report.chains.map((chain) => [chain.records, chain.problems, chain.unsignedRecords]),
    [[3, [], 0]],
  )
})

test('refuses a writer that ships in the name of another', async () => {
  await refused(batch(start(), [{}]), 'not-permitted', { ...peer, writer: 'exc_two' })
})

test('refuses a tenant the writer does not serve', async () => {
  const of = newTenant()
  await refused(batch(start(of), [{}], { of }), 'not-permitted')
})

test('refuses a batch signed by another writer', async () => {
  await refused(batch(start(), [{}], { signer: thief }), 'not-authentic')
})

test('refuses lines that are not those the signature is about', async () => {
  const honest = batch(start(), [{ decision: 'deny' }])
  const other = batch(start(), [{ decision: 'allow' }])
  await refused({ ...honest, lines: other.lines }, 'not-authentic')
  const edited = Buffer.from(String(honest.lines).replace('deny', 'none'))
  await refused({ ...honest, lines: edited }, 'not-a-chain')
  await refused({ ...honest, lines: Buffer.alloc(0) }, 'not-a-chain')
  await refused({ ...honest, lines: honest.lines.subarray(0, -1) }, 'not-a-chain')
  await refused({ ...honest, lines: Buffer.concat([honest.lines, Buffer.from('x\n')]) }, 'not-a-chain')
})

test('refuses a chain of another tenant under this one', async () => {
  const of = newTenant()
  const foreign = batch(start(of), [{}], { of })
  await refused({ ...foreign, tenant }, 'not-authentic')
})

test('refuses a first record that does not follow the beginning of this chain', async () => {
  await refused(batch({ hash: 'a'.repeat(64), sequence: 0 }, [{}]), 'fork')
})

test('refuses a segment that does not begin where the last one ended', async () => {
  await refused({ ...batch(start(), [{}]), segment: 2 }, 'not-authentic')
  await refused(batch(start(), [{}], { segment: 2 }), 'not-a-chain')
})

test('asks for what is missing when there is a gap, and stores nothing of it', async () => {
  await using dir = await newTestRoot()
  const { receiver: one } = receiver(dir.root)
  const first = batch(start(), [{ n: 1 }, { n: 2 }])
  const second = batch(first.end, [{ n: 3 }])
  const third = batch(second.end, [{ n: 4 }])
  assert.deepEqual(await one.accept(second, peer), { kind: 'resend', tenant, writer: 'exc_one', afterSequence: 0 })
  await one.accept(first, peer)
  assert.deepEqual(await one.accept(third, peer), { kind: 'resend', tenant, writer: 'exc_one', afterSequence: 2 })
})

test('a duplicate is acknowledged and not stored again; an overlap adds only what is new', async () => {
  await using dir = await newTestRoot()
  const { receiver: one } = receiver(dir.root)
  const events = [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]
  const first = batch(start(), events.slice(0, 3))
  const overlap = batch(batch(start(), events.slice(0, 1)).end, events.slice(1))
  await one.accept(first, peer)
  assert.equal((await one.accept(first, peer)).kind, 'acknowledged')
  assert.deepEqual(await one.accept(overlap, peer), { kind: 'acknowledged', tenant, writer: 'exc_one', ...overlap.end })
  const text = await readFile(segmentPath(chainPlace(dir.root, tenant, 'exc_one').dir, 1), 'utf8')
  assert.equal(text.split('\n').length, 5)
  assert.equal((await verifyJournal(dir.root, { publicKeys })).isIntact, true)
})

test('refuses a writer that tells the past anew', async () => {
  await using dir = await newTestRoot()
  const { receiver: one, problems } = receiver(dir.root)
  const truth = batch(start(), [{ n: 1 }, { n: 2 }])
  await one.accept(truth, peer)
  const rewritten = batch(start(), [{ n: 1 }, { n: 'other' }])
  const after = batch(rewritten.end, [{ n: 3 }])
  const longer = batch(start(), [{ n: 1 }, { n: 'other' }, { n: 3 }])
  for (const forged of [rewritten, after, longer]) {
    assert.deepEqual(await one.accept(forged, peer), { kind: 'refused', tenant, writer: 'exc_one', reason: 'fork' })
  }
  assert.equal(problems.length, 3)
})

test('concurrent batches of a chain are stored in order, each once', async () => {
  await using dir = await newTestRoot()
  const { receiver: one } = receiver(dir.root)
  const batches: ShipBatch[] = []
  let end = start()
  for (let n = 1; n <= 12; n++) {
    const made = batch(end, [{ n }])
    end = made.end
    batches.push(made)
  }
  const answers = await Promise.all(batches.map(async (made) => await one.accept(made, peer)))
  assert.deepEqual(
    answers.map((answer) => answer.kind === 'acknowledged' && answer.sequence),
    batches.map((_, at) => at + 1),
  )
  await one.close()
  await assert.rejects(one.accept(batches[0] ?? batch(end, []), peer), (error) => isFault(error, 'closing'))
})

test('a receiver that stopped in the middle of a batch goes on, one that was damaged says so', async () => {
  await using dir = await newTestRoot()
  const first = batch(start(), [{ n: 1 }])
  const second = batch(first.end, [{ n: 2 }])
  await receiver(dir.root).receiver.accept(first, peer)
  const path = segmentPath(chainPlace(dir.root, tenant, 'exc_one').dir, 1)
  await appendFile(path, second.lines.subarray(0, 30))
  const restarted = receiver(dir.root)
  assert.equal((await restarted.receiver.accept(second, peer)).kind, 'acknowledged')
  assert.deepEqual(
    restarted.problems.map((one) => one.kind),
    ['torn-cut'],
  )
  await writeFile(path, (await readFile(path, 'utf8')).replace('"n":1', '"n":7'))
  const damaged = receiver(dir.root)
  const answer = await damaged.receiver.accept(batch(second.end, [{ n: 3 }]), peer)
  assert.deepEqual(answer.kind === 'refused' && answer.reason, 'receiver-corrupt')
})

test('messages read back as they were sent, and nothing else is read', () => {
  const { end: _end, ...made } = batch(start(), [{ text: 'é' }])
  assert.deepEqual(decodeBatch(encodeBatch(made)), made)
  const answers = [
    { kind: 'acknowledged', tenant, writer: 'exc_one', sequence: 4, hash: 'a'.repeat(64) },
    { kind: 'resend', tenant, writer: 'exc_one.2', afterSequence: 0 },
    { kind: 'refused', tenant, writer: 'exc_one', reason: 'fork' },
  ] as const
  for (const answer of answers) {
    assert.deepEqual(decodeAnswer(encodeAnswer(answer)), answer)
    assert.throws(
      () => decodeAnswer(JSON.stringify({ ...answer, more: 1 })),
      (error) => isFault(error, 'wire-malformed'),
    )
  }
  const isMalformed = (error: unknown): boolean => isFault(error, 'wire-malformed')
  const text = Buffer.from(encodeBatch(made)).toString()
  for (const [from, to] of [
    ['"segment":1', '"segment":0'],
    ['exc_one', '../../x'],
    ['{"tenant"', '{"extra":1,"tenant"'],
  ]) {
    assert.throws(() => decodeBatch(Buffer.from(text.replace(from ?? '', to ?? ''))), isMalformed)
  }
  assert.throws(() => decodeBatch(Buffer.alloc(600_000, 10)), isMalformed)
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (noise) => {
      assert.throws(() => decodeBatch(Buffer.from(`${noise}\n`)), isMalformed)
      assert.throws(() => decodeAnswer(noise), isMalformed)
    }),
  )
})
