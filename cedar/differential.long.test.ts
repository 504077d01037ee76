// The nightly run: a million decisions (or SALLYPORT_DECISIONS), another seed each time, through both engines.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runDifferential } from './differential-run.ts'

const decisions = Number(process.env['SALLYPORT_DECISIONS'] ?? 1_000_000)
const seed = Number(process.env['SALLYPORT_SEED'] ?? Date.now() % 2 ** 31)

test(`decides exactly as the official engine in ${decisions} random decisions`, (t) => {
  const { tally, counts, unused, difference, seconds } = runDifferential({
    decisions,
    seed,
    signal: AbortSignal.timeout(3_600_000),
  })
  const share = tally.allowed / tally.compared
  t.diagnostic(`seed ${seed}: ${tally.compared} compared, ${Math.round(share * 100)} % allowed, ${seconds} s`)
  t.diagnostic(
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', '),
  )
  assert.equal(difference, null, `seed ${seed}`)
  assert.deepEqual(unused, [])
  assert.ok(share > 0.2 && share < 0.8)
})
