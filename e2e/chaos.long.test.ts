// Parts are killed without warning, at random times, under load; the client's ledger says afterwards whether anything
// that was acknowledged is gone. CHAOS_KILLS, CHAOS_SEED and CHAOS_MINUTES make another run of it.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { runChaos } from './chaos/run.ts'

const kills = Number(process.env['CHAOS_KILLS'] ?? 200)
const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31))
const paceMs = Number(process.env['CHAOS_MINUTES'] ?? 6) * 60_000

test('nothing acknowledged is lost, and every part comes back by itself', { timeout: 20 * 60_000 }, async (t) => {
  const report = await runChaos({ seed, kills, paceMs, log: (line) => t.diagnostic(line) })
  t.diagnostic(report.summary)
  for (const [what, times] of report.failures.slice(0, 60)) t.diagnostic(`while a part was away: ${what}: ${times}`)
  if (report.wrong.length > 0)
    for (const [name, output] of Object.entries(report.outputs)) t.diagnostic(`${name}:\n${output.slice(-6000)}`)
  assert.deepEqual(report.wrong, [])
  assert.equal(report.kills, kills, 'as many kills as were asked for')
  for (const [name, times] of Object.entries(report.killsOf)) assert.ok(times > 0, `${name} was never killed`)
})
