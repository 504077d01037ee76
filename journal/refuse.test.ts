// A record that its writer may not write: set aside at the receiver, told, and never read as an event; nobody's service
// ends for it.
import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { TenantId } from '#core/ids.ts'
import { MAX_REFUSED_RANGES } from './caps.ts'
import { startJournal } from './journal.ts'
import type { JournalProblem } from './journal-contract.ts'
import { chainPlace, refusedPath, segmentPath } from './layout.ts'
import { readEvents } from './read.ts'
import { JournalReceiver, type ReceiverProblem } from './receive.ts'
import { parseRanges, refusedRanges } from './refuse.ts'
import { startShipper } from './ship.ts'
import { decodeAnswer, decodeBatch, encodeAnswer, encodeBatch } from './shipment.ts'
import { newTenant, newTestKey, newTestRoot, type TestKey } from './testing.ts'
import { verifyJournal } from './verify.ts'

const writer = newTestKey('exc_one')
const custodian = newTestKey(undefined)
const publicKeys = [writer.key, custodian.key]
const tenant = newTenant()
const peer = { writer: 'exc_one', mayShip: (of: TenantId) => of === tenant }

function newReceiver(root: string, signer: TestKey = custodian) {
  const problems: ReceiverProblem[] = []
  const receiver = new JournalReceiver(root, {
    keys: () => publicKeys,
    report: (problem) => void problems.push(problem),
    judge: {
      signer: signer.signer,
      mayWrite(event) {
        if (event['by'] === 'nobody') throw new Error('cannot be judged')
        return event['by'] === 'exc_one'
      },
    },
  })
  return { receiver, problems }
}

/** Ships everything that a writer's journal holds and resolves when the last record is acknowledged. */
async function shipped(from: string, receiver: JournalReceiver, events: readonly object[]) {
  const problems: JournalProblem[] = []
  await using journal = await startJournal(
    { root: from, writer: 'exc_one' },
    { signer: writer.signer, keys: [writer.key], report: (problem) => void problems.push(problem) },
  )
  const { promise: all, resolve } = Promise.withResolvers<void>()
  await using shipper = startShipper(
    { removeAcknowledged: false, lingerMs: 1 },
    {
      journal,
      async send(batch) {
        const answer = await receiver.accept(decodeBatch(encodeBatch(batch)), peer)
        shipper.receive(decodeAnswer(encodeAnswer(answer)))
      },
      onAcknowledged: (_tenant, _writer, sequence) => {
        if (sequence === events.length) resolve()
      },
    },
  )
  for (const event of events) journal.append(tenant, event)
  await journal.sync()
  await all
  return { problems, status: journal.status() }
}

async function read(root: string): Promise<unknown[]> {
  const events: unknown[] = []
  for await (const { event } of readEvents(root, { tenant, limit: 100 })) events.push(event)
  return events
}

test('a poisoned event is set aside and told; the chain goes on, verifies, and its writer keeps its epoch', async () => {
  await using from = await newTestRoot()
  await using to = await newTestRoot()
  const { receiver, problems } = newReceiver(to.root)
  const events = [{ by: 'exc_one', n: 1 }, { by: 'alice', n: 2 }, { by: 'nobody' }, { by: 'exc_one', n: 4 }]
  const { problems: told, status } = await shipped(from.root, receiver, events)

  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['record-refused'],
  )
  assert.equal(status.problems['record-refused'], 1)
  assert.deepEqual(
    problems.map(({ kind, detail }) => [kind, detail['sequences']]),
    [['record-refused', '2-3']],
  )
  const report = await verifyJournal(to.root, { publicKeys })
  assert.deepEqual(
    report.chains.map((chain) => [chain.writer, chain.records, chain.refusedRecords, chain.problems]),
    [['exc_one', 4, 2, []]],
  )
  const seen = await read(to.root)
  assert.equal(JSON.stringify(seen).includes('alice'), false, 'a refused event was read as one')
  assert.equal(seen.length, 4)
  // Kept for the operator, as it came.
  assert.match(
    await readFile(segmentPath(chainPlace(to.root, tenant, 'exc_one').dir, 1), 'utf8'),
    /null,\{"by":"alice"/,
  )
})

test('nobody brings a refused event back, hides one, or signs that for control', async () => {
  await using from = await newTestRoot()
  await using to = await newTestRoot()
  const { receiver } = newReceiver(to.root)
  await shipped(from.root, receiver, [{ by: 'exc_one' }, { by: 'alice' }, { by: 'exc_one' }])
  const { dir } = chainPlace(to.root, tenant, 'exc_one')
  const path = segmentPath(dir, 1)
  const honest = await readFile(path, 'utf8')
  const problemsOf = async () =>
    (await verifyJournal(to.root, { publicKeys })).chains.flatMap(({ problems }) => problems.map(({ kind }) => kind))

  await writeFile(path, honest.replace('null,{"by":"alice"', '{"by":"alice"'))
  assert.deepEqual(await problemsOf(), ['refusal-differs'])
  await writeFile(path, honest.replace('{"by":"exc_one"', 'null,{"by":"exc_one"'))
  assert.deepEqual(await problemsOf(), ['refusal-differs'])
  await writeFile(path, honest)
  assert.deepEqual(await problemsOf(), [])
  const list = await readFile(refusedPath(dir), 'utf8')
  await rm(refusedPath(dir))
  assert.deepEqual(await problemsOf(), ['refusal-differs'])
  await writeFile(refusedPath(dir), list.replace('"2"', '"1-2"'))
  assert.deepEqual(await problemsOf(), ['refusal-invalid', 'refusal-differs'])

  // A writer cannot sign that control refused something: its key does not count for it.
  await using other = await newTestRoot()
  await using source = await newTestRoot()
  await shipped(source.root, newReceiver(other.root, writer).receiver, [{ by: 'exc_one' }, { by: 'alice' }])
  const [chain] = (await verifyJournal(other.root, { publicKeys })).chains
  assert.ok(chain?.problems.some(({ kind }) => kind === 'refusal-invalid'))
})

test('a writer that ships a line as if it were refused already is refused', async () => {
  await using from = await newTestRoot()
  await using to = await newTestRoot()
  const { receiver } = newReceiver(to.root)
  await using journal = await startJournal(
    { root: from.root, writer: 'exc_one' },
    { signer: writer.signer, keys: [writer.key], report: () => {} },
  )
  const answers: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  await using _shipper = startShipper(
    { removeAcknowledged: false, lingerMs: 1 },
    {
      journal,
      async send(batch) {
        const lines = Buffer.from(batch.lines.toString().replace(',{', ',null,{'))
        answers.push(JSON.stringify(await receiver.accept({ ...batch, lines }, peer)))
        resolve()
      },
    },
  )
  journal.append(tenant, { by: 'exc_one' })
  await promise
  assert.match(answers[0] ?? '', /not-a-chain/)
})

test('the list of refused records is bounded and read strictly', () => {
  assert.deepEqual(parseRanges('2-3,7'), [
    [2, 3],
    [7, 7],
  ])
  for (const text of ['', '0', '3-2', '3-3', '2,2', '5,4', '1-4,4', '1,2', 'x', '1,', '01', '-1']) {
    assert.equal(parseRanges(text), undefined, text)
  }
  assert.equal(parseRanges(Array.from({ length: MAX_REFUSED_RANGES + 1 }, (_, at) => at * 2 + 1).join()), undefined)
  assert.deepEqual(refusedRanges([[1, 2]], [3, 4, 9]), [
    [1, 4],
    [9, 9],
  ])
})
