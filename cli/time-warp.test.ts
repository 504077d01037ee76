// Time-warp on a made-up organisation: the attack is noticed, the recorded file is not touched, and it runs over a hundred
// times as fast as it passed.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findScenario } from './scenarios.ts'
import { timeWarp } from './time-warp.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-warp-test-'))
const file = join(folder, 'events.ndjson')
const DAY_MS = 86_400_000
const start = Date.UTC(2026, 0, 5)

before(() => {
  const lines: string[] = []
  for (let day = 0; day < 21; day++)
    for (let user = 0; user < 40; user++)
      for (let visit = 0; visit < 4; visit++)
        lines.push(
          JSON.stringify({
            class_uid: 3003,
            status_id: 1,
            time: start + day * DAY_MS + 8 * 3_600_000 + user * 60_000 + visit * 600_000,
            actor: { user: { uid: `usr_${user}`, name: `user${user}` } },
            src_endpoint: { ip: '198.51.100.7' },
            dst_endpoint: { svc_name: `app${(user % 5) * 4 + visit}` },
            metadata: { uid: `e${day}.${user}.${visit}` },
          }),
        )
  writeFileSync(file, lines.join('\n'))
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('an attack over recorded days is judged by a copy of policy and detection, at least a hundred times as fast', async () => {
  const kept = readFileSync(file)
  const asked: string[] = []
  const warped = await timeWarp({
    file,
    scenario: findScenario('car-park-staff'),
    as: 'user3',
    warmupMs: 14 * DAY_MS,
    decide: async (user, app) => {
      asked.push(`${user} ${app}`)
      return asked.length % 2 === 0
    },
    signal: AbortSignal.timeout(60_000),
  })
  assert.equal(warped.user, 'usr_3')
  assert.ok(warped.acts.length > 2 && asked.length === warped.acts.length)
  assert.ok(warped.acts.some(({ isAllowed }) => !isAllowed))
  assert.ok(asked.every((each) => each.startsWith('user3 ')))
  assert.ok(warped.speed >= 100, `${warped.speed}`)
  assert.equal(warped.summary.attacks, 1)
  assert.equal(warped.summary.found, 1)
  assert.ok(readFileSync(file).equals(kept))
})

test('a file without the user, or without anybody, is refused', async () => {
  const scenario = findScenario('car-park-staff')
  const signal = AbortSignal.timeout(60_000)
  await assert.rejects(timeWarp({ file, scenario, as: 'nobody', warmupMs: 0, signal }), { code: 'document-invalid' })
  const empty = join(folder, 'empty')
  writeFileSync(empty, 'no json\n')
  await assert.rejects(timeWarp({ file: empty, scenario, as: undefined, warmupMs: 0, signal }), {
    code: 'document-invalid',
  })
})
