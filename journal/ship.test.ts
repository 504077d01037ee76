// Shipping over channels that lose, repeat, reorder and die.
import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { cp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault, isFault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import type { JournalCaps } from './caps.ts'
import { chainPlace, headPath, listSegments, segmentPath, shippedPath } from './layout.ts'
import { readEvents } from './read.ts'
import { JournalReceiver, type ReceiverProblem } from './receive.ts'
import { startShipper, type Shipper, type ShipperConfig } from './ship.ts'
import { decodeAnswer, decodeBatch, encodeAnswer, encodeBatch, type ShipBatch } from './shipment.ts'
import { newTenant, newTestKey, newTestRoot, startTestJournal, type TestJournal } from './testing.ts'
import { verifyJournal } from './verify.ts'

// The long suite asks for more.
const ROUNDS = Number(process.env['SALLYPORT_KILL_ROUNDS'] ?? 8)

const key = newTestKey('exc_one')
const publicKeys = [key.key]
const peer = { writer: 'exc_one', mayShip: () => true }
const quick: ShipperConfig = { removeAcknowledged: true, lingerMs: 1, resendAfterMs: 30 }
const caps: Partial<JournalCaps> = { maxSegmentBytes: 3000, syncDelayMs: 1, failurePauseMs: 0 }

type Link = { receiver: JournalReceiver; problems: ReceiverProblem[] }

function link(root: string): Link {
  const problems: ReceiverProblem[] = []
  const report = (problem: ReceiverProblem): void => void problems.push(problem)
  return { receiver: new JournalReceiver(root, { keys: () => publicKeys, report }), problems }
}

type Progress = { readonly until: (tenant: TenantId, writer: string, sequence: number) => Promise<void> }

/** Starts a shipper over `carry`, which brings a batch to the other side; its answers come back as they come. */
function ship(
  { journal }: TestJournal,
  config: ShipperConfig,
  carry: (batch: ShipBatch, answer: (text: string) => void) => Promise<void>,
): { shipper: Shipper } & Progress {
  const reached = new Map<string, number>()
  let bell = Promise.withResolvers<void>()
  const shipper: Shipper = startShipper(config, {
    journal,
    send: async (batch) => await carry(batch, (text) => shipper.receive(decodeAnswer(text))),
    onAcknowledged: (tenant, writer, sequence) => {
      reached.set(`${tenant}/${writer}`, sequence)
      bell.resolve()
      bell = Promise.withResolvers<void>()
    },
  })
  const until = async (tenant: TenantId, writer: string, sequence: number): Promise<void> => {
    while ((reached.get(`${tenant}/${writer}`) ?? 0) < sequence) await bell.promise
  }
  return { shipper, until }
}

const straight =
  (to: Link) =>
  async (batch: ShipBatch, answer: (text: string) => void): Promise<void> => {
    answer(encodeAnswer(await to.receiver.accept(decodeBatch(encodeBatch(batch)), peer)))
  }

async function sequences(root: string, tenant: TenantId): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const entry of readEvents(root, { tenant, order: 'oldest-first', limit: 1e9 })) {
    const name = `${entry.writer}:${entry.sequence}`
    assert.equal(found.has(name), false, `${name} is there twice`)
    found.set(name, entry.hash)
  }
  return found
}

test('everything arrives, verifies with the origin key, and leaves only tombstones behind', async () => {
  await using here = await newTestRoot()
  await using there = await newTestRoot()
  const tenants = [newTenant(), newTenant(), newTenant()]
  const started = await startTestJournal({ ...here, caps: { ...caps, maxTotalBytes: 30_000 } }, key)
  const { shipper, until } = ship(started, quick, straight(link(there.root)))
  const written = new Map<string, number>()
  // Far more than the spool holds: what is acknowledged must make room.
  for (let round = 0; round < 12; round++) {
    for (const tenant of tenants) {
      for (let n = 0; n < 20; n++) started.journal.append(tenant, { round, n })
      written.set(tenant, (round + 1) * 20)
    }
    for (const tenant of tenants) await until(tenant, 'exc_one', written.get(tenant) ?? 0)
    while (started.journal.status().bytes > 20_000) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await shipper.close()
  await started.journal.close()
  assert.deepEqual(started.problems, [])
  for (const tenant of tenants) assert.equal((await sequences(there.root, tenant)).size, 240)
  for (const root of [here.root, there.root]) {
    const report = await verifyJournal(root, { publicKeys })
    assert.equal(report.isIntact, true, JSON.stringify(report))
  }
  const report = await verifyJournal(here.root, { publicKeys })
  assert.ok(report.chains.every((chain) => chain.removedThrough > 0))
})

test(
  'lost, repeated and reordered messages and restarts of both sides change nothing',
  { timeout: 600_000 },
  async () => {
    await using here = await newTestRoot()
    await using there = await newTestRoot()
    const tenants = [newTenant(), newTenant()]
    const acknowledged = new Map<string, string>()
    const problems: unknown[] = []
    const receivers: Link[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const to = link(there.root)
      receivers.push(to)
      const deliver = straight(to)
      const late: (() => void)[] = []
      const started = await startTestJournal({ ...here, caps }, key)
      const { shipper } = ship(started, quick, async (batch, answer) => {
        const luck = Math.random()
        if (luck < 0.1) throw new Error('no connection')
        if (luck < 0.2) return
        const unreliable = (text: string): void => {
          if (Math.random() < 0.2) return
          if (Math.random() < 0.3) late.push(() => answer(text))
          else answer(text)
        }
        const go = (): void => void deliver(batch, unreliable).catch((error: unknown) => problems.push(error))
        if (luck < 0.4) go()
        if (luck < 0.6) late.unshift(go)
        else go()
        if (Math.random() < 0.5) late.pop()?.()
      })
      for (let burst = 0; burst < 8; burst++) {
        for (const tenant of tenants) {
          for (let n = 0; n < 15; n++) {
            const receipt = started.journal.append(tenant, { round, burst, n })
            acknowledged.set(`${tenant}/${receipt.writer}:${receipt.sequence}`, receipt.hash)
          }
        }
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 25))
      }
      await shipper.close()
      await to.receiver.close()
      if (round % 2 === 0) await started.journal.destroy(new Fault('closing'))
      else await started.journal.close()
      assert.deepEqual(started.problems, [])
    }
    const to = link(there.root)
    const started = await startTestJournal({ ...here, caps }, key)
    const { shipper, until } = ship(started, quick, straight(to))
    for (const tenant of tenants) {
      const last = started.journal.append(tenant, { last: true })
      acknowledged.set(`${tenant}/${last.writer}:${last.sequence}`, last.hash)
      await until(tenant, last.writer, last.sequence)
    }
    await shipper.close()
    await started.journal.close()
    assert.deepEqual(
      problems.filter((one) => !isFault(one, 'closing')),
      [],
    )
    assert.deepEqual(
      receivers.flatMap((one) => one.problems),
      [],
    )
    const arrived = new Map<string, string>()
    for (const tenant of tenants) {
      for (const [name, hash] of await sequences(there.root, tenant)) arrived.set(`${tenant}/${name}`, hash)
    }
    assert.deepEqual(arrived, acknowledged)
    const report = await verifyJournal(there.root, { publicKeys })
    assert.equal(report.isIntact, true, JSON.stringify(report))
  },
)

test('a receiver killed at any moment ends with exactly what was written', { timeout: 600_000 }, async () => {
  await using here = await newTestRoot()
  await using there = await newTestRoot()
  const tenant = newTenant()
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const signer = { keyId: 'key-1', sign: (bytes: Uint8Array) => sign(null, bytes, privateKey) }
  const writerKey = { kind: 'writer', keyId: 'key-1', writer: 'exc_one', publicKey } as const
  const started = await startTestJournal({ ...here, caps }, { signer, key: writerKey })
  const pem = String(publicKey.export({ type: 'spki', format: 'pem' }))
  const problems: string[] = []
  let child: ChildProcess | undefined
  let answerTo: (text: string) => void = () => undefined
  const startChild = async (): Promise<void> => {
    const made = fork(join(import.meta.dirname, 'kill-receiver.ts'), [there.root, pem])
    const ready = Promise.withResolvers<void>()
    made.on('message', (message: { ready?: boolean; answer?: string; problem?: string }) => {
      if (message.ready === true) ready.resolve()
      if (message.problem !== undefined) problems.push(message.problem)
      if (message.answer !== undefined) answerTo(message.answer)
    })
    await ready.promise
    child = made
  }
  const kill = async (): Promise<void> => {
    const old = child
    child = undefined
    const exit = new Promise((resolve) => old?.once('exit', resolve))
    old?.kill('SIGKILL')
    await exit
  }
  const { shipper, until } = ship(started, { ...quick, resendAfterMs: 400 }, async (batch, answer) => {
    if (child?.connected !== true) throw new Error('no connection')
    answerTo = answer
    child.send(Buffer.from(encodeBatch(batch)).toString('base64'))
  })
  await startChild()
  let written = 0
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < 200; n++) {
      written = started.journal.append(tenant, { round, n, pad: 'x'.repeat(n) }).sequence
      if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 8))
    }
    await kill()
    await startChild()
    shipper.reconnected()
  }
  await until(tenant, 'exc_one', written)
  await kill()
  await shipper.close()
  await started.journal.close()
  assert.deepEqual(
    problems.filter((one) => !one.startsWith('torn-cut')),
    [],
  )
  assert.equal((await sequences(there.root, tenant)).size, written)
  const report = await verifyJournal(there.root, { publicKeys: [writerKey] })
  assert.equal(report.isIntact, true, JSON.stringify(report))
})

test('without a receiver the spool fills to its cap, then appends are refused until there is one', async () => {
  await using here = await newTestRoot()
  await using there = await newTestRoot()
  const tenant = newTenant()
  const started = await startTestJournal({ ...here, caps: { ...caps, maxTotalBytes: 10_000 } }, key)
  let to: Link | undefined
  const { shipper, until } = ship(started, quick, async (batch, answer) => {
    if (to === undefined) throw new Error('no connection')
    await straight(to)(batch, answer)
  })
  let last = 0
  assert.throws(
    () => {
      for (;;) last = started.journal.append(tenant, { last }).sequence
    },
    (error) => isFault(error, 'journal-full'),
  )
  to = link(there.root)
  shipper.reconnected()
  await until(tenant, 'exc_one', last)
  while (started.journal.status().bytes > 9000) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(started.journal.append(tenant, {}).sequence, last + 1)
  await shipper.close()
  await started.journal.close()
})

test('a sender put back to an earlier state is found out, and goes on in a new epoch', async () => {
  await using here = await newTestRoot()
  await using there = await newTestRoot()
  const tenant = newTenant()
  const to = link(there.root)
  const keep: ShipperConfig = { ...quick, removeAcknowledged: false }
  const copy = join(here.root, 'copy')
  const { dir } = chainPlace(here.root, tenant, 'exc_one')
  for (const n of [1, 2]) {
    const started = await startTestJournal({ ...here, caps }, key)
    const { shipper, until } = ship(started, keep, straight(to))
    const { sequence } = started.journal.append(tenant, { n })
    await until(tenant, 'exc_one', sequence)
    await shipper.close()
    await started.journal.close()
    if (n === 1) await cp(dir, copy, { recursive: true })
  }
  await rm(dir, { recursive: true })
  await cp(copy, dir, { recursive: true })
  const started = await startTestJournal({ ...here, caps }, key)
  const { shipper, until } = ship(started, keep, straight(to))
  started.journal.append(tenant, { n: 'another second' })
  while (!started.problems.some((one) => one.kind === 'epoch-ended'))
    await new Promise((resolve) => setTimeout(resolve, 5))
  const receipt = started.journal.append(tenant, { n: 3 })
  assert.equal(receipt.writer, 'exc_one.2')
  await until(tenant, 'exc_one.2', 1)
  await shipper.close()
  await started.journal.close()
  assert.deepEqual([...(await sequences(there.root, tenant)).keys()].toSorted(), [
    'exc_one.2:1',
    'exc_one:1',
    'exc_one:2',
  ])
})

test('a sender that forgot what was acknowledged finds out by asking', async () => {
  await using here = await newTestRoot()
  await using there = await newTestRoot()
  const tenant = newTenant()
  const to = link(there.root)
  for (let round = 1; round <= 3; round++) {
    const started = await startTestJournal({ ...here, caps }, key)
    const { shipper, until } = ship(started, { ...quick, removeAcknowledged: round === 2 }, straight(to))
    for (let n = 0; n < 60; n++) started.journal.append(tenant, { n })
    await until(tenant, 'exc_one', round * 60)
    await shipper.close()
    await started.journal.close()
    const { dir } = chainPlace(here.root, tenant, 'exc_one')
    if (round === 1) await rm(shippedPath(dir))
    if (round === 2) await writeFile(shippedPath(dir), '{"sequence":9007199254740991}')
    assert.deepEqual(started.problems, [])
  }
  assert.equal((await sequences(there.root, tenant)).size, 180)
})

test('a receiver that lost everything is noticed, and what is written from then on arrives', async () => {
  await using here = await newTestRoot()
  await using there = await newTestRoot()
  const tenant = newTenant()
  let to = link(there.root)
  const started = await startTestJournal({ ...here, caps }, key)
  const { shipper, until } = ship(started, quick, async (batch, answer) => await straight(to)(batch, answer))
  for (let n = 0; n < 100; n++) started.journal.append(tenant, { n })
  await until(tenant, 'exc_one', 100)
  const { dir } = chainPlace(here.root, tenant, 'exc_one')
  while ((await listSegments(dir))[0] === 1) await new Promise((resolve) => setTimeout(resolve, 5))
  await rm(join(there.root, tenant), { recursive: true })
  to = link(there.root)
  started.journal.append(tenant, { n: 100 })
  while (!started.problems.some((one) => one.kind === 'epoch-ended'))
    await new Promise((resolve) => setTimeout(resolve, 5))
  started.journal.append(tenant, { n: 101 })
  await until(tenant, 'exc_one.2', 1)
  assert.deepEqual(started.problems[0]?.detail['reason'], 'receiver-lost-records')
  await shipper.close()
  await started.journal.close()
})

test('segments keep their boundaries and seals at the receiver', async () => {
  await using here = await newTestRoot()
  await using there = await newTestRoot()
  const tenant = newTenant()
  const started = await startTestJournal({ ...here, caps }, key)
  for (let n = 0; n < 200; n++) started.journal.append(tenant, { n })
  await started.journal.sync()
  const { shipper, until } = ship(started, { ...quick, removeAcknowledged: false }, straight(link(there.root)))
  await until(tenant, 'exc_one', 200)
  await shipper.close()
  await started.journal.close()
  const [from, to] = [chainPlace(here.root, tenant, 'exc_one').dir, chainPlace(there.root, tenant, 'exc_one').dir]
  const segments = await listSegments(from)
  assert.deepEqual(await listSegments(to), segments)
  const seals = (await readdir(to)).filter((name) => name.endsWith('.seal'))
  assert.equal(seals.length, segments.length - 1)
  assert.ok(headPath(to) !== segmentPath(to, 1))
})
