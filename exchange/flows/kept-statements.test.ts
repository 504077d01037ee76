// An exchange that starts without control opens flows on statements of its earlier run, and believes no others.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '#core/fault.ts'
import { STATEMENT_PURPOSE } from '#core/wire/grant.ts'
import { signToken } from '#transport/signed-token.ts'
import { openKeptStatements } from './kept-statements.ts'
import { createStatements } from './statements.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519').privateKey
const failed = (error: unknown) => assert.fail(String(error))
let nowMs = 1_000_000

function tokenOf(sessionId: string, key = privateKey): string {
  const facts = { tenantId: 't', sessionId, userId: 'u', userName: 'u', deviceId: null, deviceKeyThumbprint: null }
  return signToken(STATEMENT_PURPOSE, { ...facts, issuedAtMs: nowMs, expiresAtMs: nowMs + 100_000 }, key)
}

async function startOn(path: string, ask: (sessionId: string) => Promise<string>) {
  const kept = await openKeptStatements(path, failed)
  const statements = createStatements({
    ask: (_tenantId, sessionId) => ask(sessionId),
    keys: () => [publicKey],
    now: () => nowMs,
    kept,
  })
  return { kept, statements }
}
const isAway = () => Promise.reject(new Fault('control-unreachable'))

test('a start without control goes by the statements of before, while they last and never after they were forgotten', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'sallyport-kept-')), 'statements')
  const first = await startOn(path, (sessionId) => Promise.resolve(tokenOf(sessionId)))
  const token = await first.statements.of('t', 'ses_1')
  await first.statements.of('t', 'ses_2')
  first.statements.forget('t', 'ses_2')
  await first.kept.settled()
  // The process was killed while it wrote.
  appendFileSync(path, 't ses_3 half-a-')

  const second = await startOn(path, isAway)
  assert.equal(await second.statements.of('t', 'ses_1'), token)
  await assert.rejects(second.statements.of('t', 'ses_2'), { code: 'control-unreachable' })
  await assert.rejects(second.statements.of('t', 'ses_3'), { code: 'control-unreachable' })
  nowMs += 90_000
  await assert.rejects(second.statements.of('t', 'ses_1'), { code: 'control-unreachable' })
})

test('what control refuses is not given from the disk, nor what another signed or says of another session', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'sallyport-kept-')), 'statements')
  appendFileSync(
    path,
    `t ses_1 ${tokenOf('ses_1')}\nt ses_2 ${tokenOf('ses_2', stranger)}\nt ses_3 ${tokenOf('ses_1')}\n`,
  )
  const refused = await startOn(path, () => Promise.reject(new Fault('not-found')))
  await assert.rejects(refused.statements.of('t', 'ses_1'), { code: 'not-found' })
  const away = await startOn(path, isAway)
  await assert.rejects(away.statements.of('t', 'ses_2'), { code: 'control-unreachable' })
  await assert.rejects(away.statements.of('t', 'ses_3'), { code: 'control-unreachable' })
})
