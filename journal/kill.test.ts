// A writer killed without warning, again and again.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { readEvents } from './read.ts'
import { newTenant, newTestRoot } from './testing.ts'
import { verifyJournal } from './verify.ts'

// The long suite asks for more.
const ROUNDS = Number(process.env['SALLYPORT_KILL_ROUNDS'] ?? 12)

test('kill -9 under load loses no acknowledged event, and what is left verifies', { timeout: 600_000 }, async () => {
  await using dir = await newTestRoot()
  const tenant = newTenant()
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const acknowledged = new Map<number, string>()
  const problems: string[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const script = join(import.meta.dirname, 'kill-writer.ts')
    const child = spawn(process.execPath, [script, dir.root, String(pem), tenant], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    let count = 0
    const deadline = 40 + Math.floor(Math.random() * 900)
    for await (const line of createInterface({ input: child.stdout })) {
      const [word, sequence = '', hash = ''] = line.split(' ')
      if (word === 'problem') problems.push(sequence)
      if (word !== 'ack') continue
      const known = acknowledged.get(Number(sequence))
      assert.equal(known, undefined, `sequence ${sequence} was acknowledged twice`)
      acknowledged.set(Number(sequence), hash)
      if (++count === deadline) child.kill('SIGKILL')
    }
    await exited
  }
  assert.ok(!problems.includes('chain-corrupt'), 'a kill was taken for damage')
  const report = await verifyJournal(dir.root, {
    publicKeys: [{ kind: 'writer', keyId: 'key-1', writer: 'exc_one', publicKey }],
  })
  assert.deepEqual(
    report.chains.map((chain) => chain.problems),
    [[]],
  )
  const stored = new Map<number, string>()
  for await (const entry of readEvents(dir.root, { tenant, order: 'oldest-first', limit: 1e9 })) {
    stored.set(entry.sequence, entry.hash)
  }
  for (const [sequence, hash] of acknowledged) assert.equal(stored.get(sequence), hash, `record ${sequence} is lost`)
  assert.ok(acknowledged.size > ROUNDS * 40)
})
