// What sign-in keeps, over both stores: things used once are used once, whoever asks at the same moment.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { newId } from '#core/ids.ts'
import { postgresBin, startCluster, type Cluster } from '#control/store/testing.ts'
import type { StoreConfig } from '#control/store/store.ts'
import { createAccounts } from './accounts.ts'
import { createOidcModels } from './oidc-adapter.ts'
import { createOneTime } from './one-time.ts'
import { Authenticator } from './testing/authenticator.ts'
import { passkeyOptions, signInAt, startWorld } from './testing/world.ts'
import { totpCode } from './totp.ts'

const five = <T>(work: () => Promise<T>) => Promise.allSettled(Array.from({ length: 5 }, work))
const values = <T>(all: readonly PromiseSettledResult<T>[]) =>
  all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))

function contract(storeOf: () => Promise<StoreConfig>): void {
  test('a thing that is taken by five at once goes to one, and of five that put the same new thing one succeeds', async () => {
    await using world = await startWorld({ store: await storeOf() })
    const { id } = world.addTenant('acme')
    const oneTime = createOneTime(world.deps)
    await oneTime.put(id, 'challenge', 'k', { n: 1 }, { lifeMs: 1000 })
    assert.deepEqual(values(await five(() => oneTime.take(id, 'challenge', 'k'))).filter(Boolean), [{ n: 1 }])
    const put = values(await five(() => oneTime.putNew(id, 'logout-token', 'j', 1000)))
    assert.equal(put.filter(Boolean).length, 1)
    await oneTime.put(id, 'challenge', 'old', 1, { lifeMs: 1000 })
    assert.equal(await oneTime.take(newId('tenant'), 'challenge', 'old'), undefined)
    assert.equal(await oneTime.take(id, 'hand-off', 'old'), undefined)
    world.advance(1001)
    assert.equal(await oneTime.peek(id, 'challenge', 'old'), undefined)
    await oneTime.sweep(id)
    const left = await world.store.forTenant(id).selectFrom('signInOneTime').selectAll().execute()
    assert.equal(left.length, 0)
  })

  test('a code that is consumed by five at once is consumed once, and then its grant is gone', async () => {
    await using world = await startWorld({ store: await storeOf() })
    const { id } = world.addTenant('acme')
    const models = createOidcModels(id, world.deps)
    const codes = models.adapter('AuthorizationCode')
    await codes.upsert('code', { grantId: 'g', accountId: 'u' }, 60)
    await models.adapter('Grant').upsert('g', { accountId: 'u' }, 60)
    await models.adapter('RefreshToken').upsert('r', { grantId: 'g' }, 60)
    const results = await five(() => codes.consume('code') as Promise<void>)
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const model of ['Grant', 'RefreshToken', 'AuthorizationCode']) {
      assert.equal(await models.adapter(model).find(model === 'Grant' ? 'g' : 'r'), undefined)
    }
    const session = models.adapter('Session')
    await session.upsert('s', { uid: 'x', accountId: 'u' }, 60)
    assert.deepEqual(await session.findByUid('x'), { uid: 'x', accountId: 'u' })
    assert.equal(await createOidcModels(newId('tenant'), world.deps).adapter('Session').find('s'), undefined)
    await models.removeOfAccount('u')
    assert.equal(await session.find('s'), undefined)
  })

  test('a one-time code that is offered by five at once is accepted once', async () => {
    await using world = await startWorld({ store: await storeOf() })
    const { id } = world.addTenant('acme')
    const accounts = createAccounts(world.deps)
    await Promise.all([accounts.ensure(id, 'u'), accounts.ensure(id, 'u')])
    const secret = Buffer.alloc(20, 7)
    await accounts.setTotp(id, 'u', secret)
    const code = totpCode(secret, world.nowMs())
    assert.equal(values(await five(() => accounts.acceptTotp(id, 'u', code))).filter(Boolean).length, 1)
  })

  test('a person with password, code and passkey signs in, signs out, and leaves nothing behind when forgotten', async () => {
    await using world = await startWorld({ store: await storeOf() })
    const acme = world.addTenant('acme')
    const device = new Authenticator('https://id.sallyport.localhost')
    const { user, secret } = await world.invite(acme.id, 'alice', { withTotp: true, withPasskey: device })
    world.advance(60_000)
    const page = await signInAt(world, world.browser(), 'acme', 'alice', { secret })
    assert.match(page.text, /Your apps/, page.text + world.logs.join('\n'))
    const browser = world.browser()
    const login = await browser.go(world.portal('acme'))
    const inside = await browser.submit(login, '/passkey', {
      passkey: device.get(await passkeyOptions(browser, login)),
    })
    assert.match((await browser.submit(inside, '/sign-out')).text, /Signed out/)
    await world.signIn.forgetUser(acme.id, user.id)
    const handle = world.store.forTenant(acme.id)
    for (const table of ['signInAccounts', 'signInPasskeys', 'signInGrants'] as const) {
      assert.deepEqual(await handle.selectFrom(table).selectAll().execute(), [], table)
    }
    world.advance(24 * 3600_000)
    await world.signIn.keepHouse()
    for (const table of ['signInOidc', 'signInOneTime', 'signInLogins'] as const) {
      assert.deepEqual(await handle.selectFrom(table).selectAll().execute(), [], table)
    }
  })
}

describe('in SQLite', () => contract(async () => ({ kind: 'sqlite', path: ':memory:' })))

const bin = postgresBin()
describe('in PostgreSQL', { skip: bin === undefined && 'PostgreSQL is not installed' }, () => {
  let cluster: Cluster | undefined
  before(async () => {
    if (bin !== undefined) cluster = await startCluster(bin)
  })
  after(async () => cluster?.[Symbol.asyncDispose]())
  contract(async () => ({ kind: 'postgres', url: (await cluster?.newDatabase()) ?? '' }))
})
