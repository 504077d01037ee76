// The journal's cost on the thread that carries traffic: one event of a closed flow, written alone and in a batch.
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import { startJournal } from '#journal/journal.ts'
import { atMost, type Options, row, type Row } from './row.ts'

const PER_BATCH = 100

export async function measureJournal({ isQuick }: Options): Promise<readonly Row[]> {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-bench-journal-'))
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const journal = await startJournal(
    { root, writer: 'exc_bench' },
    {
      signer: { keyId: 'bench', sign: (bytes) => sign(null, bytes, privateKey) },
      keys: [{ kind: 'writer', keyId: 'bench', writer: 'exc_bench', publicKey }],
      report: () => {},
    },
  )
  try {
    const tenant = newId('tenant')
    const event = (at: number) =>
      journalEvent('network', 'close', {
        uid: `bench-${at}`,
        timeMs: Date.now(),
        tenantId: tenant,
        outcome: 'success',
        flowId: 'flw_bench',
        exchangeId: 'exc_bench',
        traffic: { bytesIn: at, bytesOut: at, durationMs: 1000 },
        message: 'finished',
      })
    const alone: number[] = []
    const batched: number[] = []
    const count = isQuick ? 5000 : 20_000
    for (let repeat = 0; repeat < 6; repeat++) {
      const events = Array.from({ length: count }, (_, at) => event(at))
      let usedMs = 0
      for (let at = 0; at < count; at += PER_BATCH) {
        const begin = performance.now()
        for (const each of events.slice(at, at + PER_BATCH)) journal.append(tenant, each)
        usedMs += performance.now() - begin
        await turn()
      }
      const aloneUs = (usedMs * 1000) / count
      usedMs = 0
      for (let at = 0; at < count; at += PER_BATCH) {
        const begin = performance.now()
        const staged = events.slice(at, at + PER_BATCH).map((each) => journal.stage(tenant, each))
        staged.at(-1)?.commit()
        usedMs += performance.now() - begin
        await turn()
      }
      if (repeat === 0) continue // warming up
      alone.push(aloneUs)
      batched.push((usedMs * 1000) / count)
    }
    return [
      row({
        name: 'journal, an event with its own write()',
        unit: 'µs',
        values: alone,
        counted: 'the calling thread: JSON, chain hash, write(); fsync is elsewhere',
      }),
      row({
        name: `journal, an event of ${PER_BATCH} in one write()`,
        unit: 'µs',
        values: batched,
        goal: atMost(5),
        counted: 'the calling thread',
      }),
    ]
  } finally {
    await journal.close()
    await rm(root, { recursive: true, force: true })
  }
}
