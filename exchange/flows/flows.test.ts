// Tickets, statements and limits by themselves.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { STATEMENT_PURPOSE } from '#core/wire/grant.ts'
import { signToken } from '#transport/signed-token.ts'
import { createSourceLimits, sourceOf } from './source-limits.ts'
import { createStatements } from './statements.ts'
import { createTickets } from './tickets.ts'

test('a ticket works once, and the table has an end', () => {
  const expired: string[] = []
  const tickets = createTickets<string>((flow) => expired.push(flow), { maxCount: 2 })
  const label = tickets.issue('one')
  assert.match(label, /^[a-z2-7]{32}$/)
  assert.equal(tickets.redeem(label.slice(0, 31) + 'a'), undefined)
  assert.equal(tickets.redeem(label), 'one')
  assert.equal(tickets.redeem(label), undefined)
  tickets.issue('two')
  tickets.issue('three')
  assert.throws(() => tickets.issue('four'), { code: 'at-capacity' })
  tickets.close()
  assert.deepEqual(expired, ['two', 'three'])
})

test('a ticket that nobody used in time ends its flow', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const tickets = createTickets<string>(resolve, { lifeMs: 1 })
  const hold = setTimeout(() => {}, 5000)
  const label = tickets.issue('late')
  assert.equal(await promise, 'late')
  clearTimeout(hold)
  assert.equal(tickets.redeem(label), undefined)
})

test('statements are asked for once, kept for half their life, and believed only about their own session', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  let nowMs = 1_000_000
  let asked = 0
  let about = 'ses_1'
  const statements = createStatements({
    ask: (tenantId) => {
      asked++
      const facts = {
        tenantId,
        sessionId: about,
        userId: 'u',
        userName: 'u',
        deviceId: null,
        deviceKeyThumbprint: null,
      }
      return Promise.resolve(
        signToken(STATEMENT_PURPOSE, { ...facts, issuedAtMs: nowMs, expiresAtMs: nowMs + 100_000 }, privateKey),
      )
    },
    keys: () => [publicKey],
    now: () => nowMs,
  })
  await Promise.all([statements.of('t', 'ses_1'), statements.of('t', 'ses_1')])
  nowMs += 49_000
  await statements.of('t', 'ses_1')
  assert.equal(asked, 1)
  nowMs += 2_000
  await statements.of('t', 'ses_1')
  assert.equal(asked, 2)
  statements.forget('t', 'ses_1')
  about = 'ses_2'
  await assert.rejects(statements.of('t', 'ses_1'), { code: 'wire-malformed' })
})

test('a source is an address, or a /64 of IPv6, and has its share', () => {
  assert.equal(sourceOf('2001:db8:1:2:3::1'), sourceOf('2001:db8:1:2::9'))
  assert.notEqual(sourceOf('2001:db8:1:2::1'), sourceOf('2001:db8:1:3::1'))
  assert.equal(sourceOf('::1'), '0:0:0:0::/64')
  const limits = createSourceLimits({ perSource: 1, total: 2 })
  assert.equal(limits.admit('192.0.2.1'), true)
  assert.equal(limits.admit('192.0.2.1'), false)
  assert.equal(limits.admit('192.0.2.2'), true)
  assert.equal(limits.admit('192.0.2.3'), false)
  limits.release('192.0.2.1')
  assert.equal(limits.admit('192.0.2.1'), true)
})
