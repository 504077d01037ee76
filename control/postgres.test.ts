// The whole control plane over a real PostgreSQL: two tenants with everything in them, one exchange, a restart.
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { everythingOf, furnish } from '#control/api/isolation.ts'
import { enrolExchange, FakeExchange } from '#control/feed/testing.ts'
import { postgresBin, startCluster } from '#control/store/testing.ts'
import { startTestControl } from './testing.ts'

const bin = postgresBin()

it(
  'control runs on PostgreSQL as it does on SQLite',
  { skip: bin === undefined && 'PostgreSQL is not installed (Debian: postgresql)' },
  async () => {
    await using cluster = await startCluster(bin ?? '')
    const environment = { SALLYPORT_DATABASE: await cluster.newDatabase() }
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-pg-control-'))
    const overrides = { store: { kind: 'postgres', urlFromEnvironment: 'SALLYPORT_DATABASE' } }
    let acmeId = ''
    let kept = ''
    {
      await using test = await startTestControl({ environment }, folder, { ...overrides, keep: true })
      const acme = await furnish(test, 'acme', '-of-acme')
      const rival = await furnish(test, 'rival', '-of-rival')
      const exchange = await FakeExchange.start(test, await enrolExchange(test))
      await exchange.until(() => exchange.tenants.has(acme.id) && exchange.tenants.has(rival.id))
      const ended = await acme.call(`/sessions/${acme.ids[1]}`, undefined, 'DELETE')
      assert.deepEqual(ended.missing, [])
      assert.equal(
        exchange.records(acme.id).some(({ kind }) => kind === 'session'),
        false,
      )
      assert.equal(
        exchange.records(rival.id).some(({ kind }) => kind === 'session'),
        true,
      )
      // Many writers of one tenant at once: sequences stay without gap, which the exchange checks.
      await Promise.all(
        Array.from({ length: 12 }, (_, index) => acme.call(`/resources/groups/many-${index}`, { spec: {} }, 'PUT')),
      )
      const { sequence } = await test.context.mirrors.current(acme.id)
      await exchange.until(() => exchange.tenants.get(acme.id)?.sequence === sequence)
      const foreign = await test.call('/v1/tenants/acme/resources/apps', { token: rival.token })
      assert.equal(foreign.status, 404)
      await exchange.close()
      acmeId = acme.id
      kept = await everythingOf(test, acmeId)
    }
    await using again = await startTestControl({ environment }, folder, overrides)
    assert.equal(await everythingOf(again, acmeId), kept)
    assert.equal(again.control.firstInvitation, null)
  },
)
