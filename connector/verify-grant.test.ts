// The grant, attacked: whatever a stolen exchange, a thief of grants or another tenant might offer is refused.
import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import type { Grant, Statement } from '#core/wire/grant.ts'
import { signToken } from '#transport/signed-token.ts'
import { leaf } from '#transport/testing.ts'
import { NonceMemory } from './nonce-memory.ts'
import { verifySlice } from './slice.ts'
import * as world from './testing.ts'
import { verifyGrant, type GrantContext } from './verify-grant.ts'

const tenant = await world.makeTenant()
const { ids } = tenant
const owner = {
  tenantId: ids.tenantId,
  connectorId: ids.connectorId,
  sliceKeys: tenant.identity('').enrolment.sliceKeys,
}
const sliceWith = (changes: Parameters<typeof world.sliceOf>[1]) =>
  verifySlice(
    world.signSlice(tenant, world.sliceOf(tenant, { apps: [world.appOf(tenant, null)], ...changes })),
    owner,
    undefined,
    Date.now(),
  )

function context(changes: Partial<GrantContext> = {}): GrantContext {
  return {
    tenantId: ids.tenantId,
    connectorId: ids.connectorId,
    exchangeId: ids.exchangeId,
    exchangeKey: createPublicKey(world.exchangeKeyOf(tenant)),
    slice: sliceWith({}),
    nonces: new NonceMemory(100),
    nowMs: Date.now(),
    ...changes,
  }
}

const refusal = (why: string) => (error: unknown) => {
  assert.ok(isFault(error, 'grant-refused'), String(error))
  assert.equal(error.detail['why'], why)
  return true
}
const refuses = (why: string, token: string, changes: Partial<GrantContext> = {}) =>
  assert.throws(() => verifyGrant(token, context(changes)), refusal(why))
const withGrant = (changes: Partial<Grant>) => world.signGrant(tenant, world.grantOf(tenant, changes))
const withStatement = (changes: Partial<Statement>) =>
  withGrant({ statement: world.signStatement(tenant, world.statementOf(tenant, changes)) })

test('accepts a grant that everything agrees with, and takes the port that was asked for', () => {
  const { app, port, statement } = verifyGrant(withGrant({ port: 7001 }), context())
  assert.equal(app.name, 'echo')
  assert.equal(port, 7001)
  assert.equal(statement.userName, 'alice')
})

describe('the grant', () => {
  test('forged with another key is refused', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    refuses('grant not authentic or expired', signToken('grant', world.grantOf(tenant), privateKey))
  })
  test('signed for another purpose is refused', () => {
    const token = signToken('statement', world.grantOf(tenant), world.exchangeKeyOf(tenant))
    refuses('grant not authentic or expired', token)
    refuses('grant not authentic or expired', token.replace('v1.statement.', 'v1.grant.'))
  })
  test('with a field too many is refused', () => {
    const token = signToken('grant', { ...world.grantOf(tenant), host: '10.0.0.1' }, world.exchangeKeyOf(tenant))
    refuses('form of the grant', token)
  })
  test('replayed is refused', () => {
    const [token, same] = [withGrant({}), context()]
    verifyGrant(token, same)
    assert.throws(() => verifyGrant(token, same), refusal('used before'))
  })
  test('is refused when its nonce could not be remembered', () => {
    const full = context({ nonces: new NonceMemory(1) })
    verifyGrant(withGrant({}), full)
    assert.throws(() => verifyGrant(withGrant({}), full), refusal('no room for nonces'))
  })
  test('expired is refused', () => {
    refuses('grant not authentic or expired', withGrant({ expiresAtMs: Date.now() - 1 }))
  })
  test('valid for longer than nonces are meant to be kept is refused', () => {
    refuses('valid for too long', withGrant({ expiresAtMs: Date.now() + 3_600_000 }))
  })
  test('of another tenant is refused', () => {
    refuses('of another tenant', withGrant({ tenantId: newId('tenant') }))
  })
  test('aimed at another connector is refused', () => {
    refuses('for another connector', withGrant({ connectorId: newId('connector') }))
  })
  test('of a revoked exchange is refused', () => {
    refuses('exchange revoked', withGrant({}), { slice: sliceWith({ revokedExchangeIds: [ids.exchangeId] }) })
  })
  test('is refused by a slice that is too old: the exchange may be keeping back that it was revoked', () => {
    const slice = sliceWith({ issuedAtMs: Date.now() - 31_000, staleAfterSeconds: 30 })
    refuses('the slice is too old', withGrant({}), { slice })
  })
  test('of another exchange is refused on this link', () => {
    refuses('of another exchange', withGrant({ exchangeId: newId('exchange') }))
  })
  test('for an app of another connector is refused', () => {
    refuses('for an app that is not ours', withGrant({ appId: newId('app') }))
  })
  test('for a disabled app is refused', () => {
    const slice = sliceWith({ apps: [world.appOf(tenant, null, { enabled: false })] })
    refuses('for an app that is not ours', withGrant({}), { slice })
  })
  test('for a port that the app does not list is refused', () => {
    refuses('port not allowed', withGrant({ port: 7002 }))
    refuses('port not allowed', withGrant({ port: 22 }))
  })
  test('for an app with a port of its own leads to that port, whatever was asked', () => {
    const slice = sliceWith({ apps: [world.appOf(tenant, 5432)] })
    assert.equal(verifyGrant(withGrant({ port: 22 }), context({ slice })).port, 5432)
  })
  test('that would seal what must be inspected is refused', () => {
    for (const changes of [{ appKind: 'http' as const }, { inspect: true }]) {
      const slice = sliceWith({ apps: [world.appOf(tenant, 80, changes)] })
      refuses('sealed, must be inspected', withGrant({}), { slice })
    }
  })
  test('before control has sent a slice is refused', () => {
    refuses('no slice from control yet', withGrant({}), { slice: undefined })
  })
})

describe('the statement', () => {
  test('forged by the exchange is refused', () => {
    const statement = signToken('statement', world.statementOf(tenant), world.exchangeKeyOf(tenant))
    refuses('statement not authentic or expired', withGrant({ statement }))
  })
  test('expired is refused', () => {
    refuses('statement not authentic or expired', withStatement({ expiresAtMs: Date.now() - 1 }))
  })
  test('from the future is refused', () => {
    refuses('statement from the future', withStatement({ issuedAtMs: Date.now() + 60_000 }))
  })
  test('valid for a day is refused', () => {
    refuses('statement for too long', withStatement({ expiresAtMs: Date.now() + 86_400_000 }))
  })
  test('of another tenant is refused', () => {
    refuses('statement of another tenant', withStatement({ tenantId: newId('tenant') }))
  })
  test('of a revoked session is refused', () => {
    refuses('session revoked', withGrant({}), { slice: sliceWith({ revokedSessionIds: [ids.sessionId] }) })
  })
  test('of a session that is among the marks of ended ones, or from before there were too many, is refused', () => {
    const mark = ids.sessionId.slice(4, 12)
    refuses('session revoked', withGrant({}), { slice: sliceWith({ revokedSessionMarks: `aaaaaaaa${mark}` }) })
    verifyGrant(withGrant({}), context({ slice: sliceWith({ revokedSessionMarks: `${mark.slice(1)}a` }) }))
    const { issuedAtMs } = world.statementOf(tenant)
    refuses('statement too early', withGrant({}), { slice: sliceWith({ statementsSinceMs: issuedAtMs + 60_000 }) })
    verifyGrant(withGrant({}), context({ slice: sliceWith({ statementsSinceMs: issuedAtMs - 60_000 }) }))
  })
  test('of a revoked device is refused', () => {
    refuses('device revoked', withGrant({}), { slice: sliceWith({ revokedDeviceIds: [ids.deviceId] }) })
  })
  test('of somebody whom control keeps apart opens the apps of the list and no other', () => {
    const hash = (id: string) => createHmac('sha256', 'salt').update(id).digest('base64url')
    const { userId } = world.statementOf(tenant)
    const { appId } = world.grantOf(tenant)
    const apart = (apps: string[]) => ({ slice: sliceWith({ apart: { salt: 'salt', people: [hash(userId)], apps } }) })
    refuses('kept apart by control', withGrant({}), apart([hash(newId('app'))]))
    verifyGrant(withGrant({}), context(apart([hash(appId)])))
    verifyGrant(
      withGrant({}),
      context({ slice: sliceWith({ apart: { salt: 'salt', people: [hash(newId('user'))], apps: [] } }) }),
    )
  })
  test('of one device does not open a flow for the key of another', async () => {
    const thief = await leaf(tenant.identityCa)
    const peer = { kind: 'device', keyThumbprint: world.thumbprintOf(thief) } as const
    refuses('statement of another device', withGrant({ peer }))
  })
  test('of a browser session opens no sealed flow', () => {
    refuses('sealed, without a device', withStatement({ deviceId: null, deviceKeyThumbprint: null }))
  })
  test('of a browser session opens an inspected flow', () => {
    const statement = world.signStatement(
      tenant,
      world.statementOf(tenant, { deviceId: null, deviceKeyThumbprint: null }),
    )
    const peer = { kind: 'exchange', keyThumbprint: world.thumbprintOf(tenant.exchange) } as const
    assert.equal(verifyGrant(withGrant({ statement, peer }), context()).app.name, 'echo')
  })
})

describe('the slice', () => {
  const sign = (changes: Parameters<typeof world.sliceOf>[1]) => world.signSlice(tenant, world.sliceOf(tenant, changes))
  const refusesSlice = (token: string, before?: ReturnType<typeof world.sliceOf>) =>
    assert.throws(() => verifySlice(token, owner, before, Date.now()), /not authentic|unknown/)

  test('signed by anyone but control is refused', () => {
    refusesSlice(signToken('slice', world.sliceOf(tenant), world.exchangeKeyOf(tenant)))
    refusesSlice(signToken('slice', world.sliceOf(tenant), tenant.statementKeys.privateKey))
  })
  test('of another connector or tenant is refused', () => {
    refusesSlice(sign({ connectorId: newId('connector') }))
    refusesSlice(sign({ tenantId: newId('tenant') }))
  })
  test('with a sequence or an issue time that goes back is refused', () => {
    const before = world.sliceOf(tenant, { sequence: 9 })
    refusesSlice(sign({ sequence: 8, issuedAtMs: before.issuedAtMs + 1 }), before)
    refusesSlice(sign({ sequence: 10, issuedAtMs: before.issuedAtMs - 1 }), before)
    assert.equal(verifySlice(sign({ sequence: 9 }), owner, before, Date.now()).slice.sequence, 9)
  })
  test('from far ahead, which would block every later one, is refused', () => {
    refusesSlice(sign({ issuedAtMs: Date.now() + 86_400_000 }))
  })
})

test('a nonce is forgotten only after it has expired', () => {
  const nonces = new NonceMemory(2)
  assert.equal(nonces.use('a', 1000, 0), true)
  assert.equal(nonces.use('b', 5000, 0), true)
  assert.equal(nonces.use('c', 5000, 999), undefined)
  assert.equal(nonces.use('c', 5000, 2100), true)
  assert.equal(nonces.use('b', 5000, 2100), false)
})
