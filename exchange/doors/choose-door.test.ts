import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TenantDirectory } from '#exchange/tenant/directory.ts'
import { Tenant } from '#exchange/tenant/tenant.ts'
import { appRecord, tenantRecord } from '#exchange/testing/records.ts'
import { chooseDoor } from './choose-door.ts'

const authority = { certificatePem: '-', privateKeyPem: '-' }
const position = { epoch: 'e', sequence: 1, issuedAtMs: 0 }

function directoryOf(...tenants: readonly (readonly [string, ...string[]])[]): TenantDirectory {
  const directory = new TenantDirectory({ domain: 'sallyport.test', appsDomain: 'apps.test' })
  for (const [at, [name, ...hosts]] of tenants.entries()) {
    const id = `ten_${String.fromCharCode(97 + at).repeat(20)}`
    const apps = hosts.map((browserHost) => appRecord(`app${Math.random()}`, 'http', 80, { browserHost }))
    directory.put(new Tenant(id, [tenantRecord(id, name, authority), ...apps], position))
  }
  return directory
}

test('each name leads to one door', () => {
  const directory = directoryOf(['acme', 'wiki.acme.apps.test', 'wiki.acme.example'])
  const kindOf = (name: string) => chooseDoor(name, directory).kind
  for (const name of ['id', 'console', 'api', 'acme']) assert.equal(kindOf(`${name}.sallyport.test`), 'control')
  assert.equal(kindOf('acme.proxy.sallyport.test'), 'proxy')
  assert.equal(kindOf('acme.link.sallyport.test'), 'link')
  assert.equal(kindOf('ticket.flow.sallyport.test'), 'flow')
  assert.equal(kindOf('wiki.acme.apps.test'), 'browser')
  assert.equal(kindOf('wiki.acme.example'), 'browser')
  for (const name of [
    'sallyport.test',
    'feed.sallyport.test',
    'nobody.sallyport.test',
    'a.acme.proxy.sallyport.test',
    'nobody.proxy.sallyport.test',
    'acme.web.sallyport.test',
    'xsallyport.test',
    '',
  ]) {
    assert.equal(kindOf(name), 'none', name)
  }
})

test('a tenant can claim neither our names, nor below another tenant, nor what another has', () => {
  const hosts = ['id.sallyport.test', 'sallyport.test', 'apps.test', 'x.globex.apps.test', 'a.b.acme.apps.test']
  const directory = directoryOf(['acme', ...hosts, 'shared.test'], ['globex', 'wiki.globex.apps.test', 'shared.test'])
  for (const host of hosts) assert.equal(directory.browserTarget(host), undefined, host)
  assert.equal(directory.browserTarget('shared.test')?.tenant.record.name, 'acme')
  assert.equal(directory.browserTarget('wiki.globex.apps.test')?.tenant.record.name, 'globex')
})

test('no name leads to a door of a tenant that it does not spell', () => {
  const directory = directoryOf(['acme', 'wiki.acme.apps.test'], ['globex', 'wiki.globex.apps.test'])
  const label = fc.constantFrom('acme', 'globex', 'proxy', 'link', 'flow', 'wiki', 'sallyport', 'apps', 'test', 'x', '')
  fc.assert(
    fc.property(fc.array(label, { maxLength: 6 }), (labels) => {
      const name = labels.join('.')
      const door = chooseDoor(name, directory)
      if ('tenant' in door) assert.ok(name.split('.').includes(door.tenant.record.name), name)
    }),
  )
})

test('an app name is found by exact name first, then by a wildcard of one label, on its ports only', () => {
  const id = 'ten_aaaaaaaaaaaaaaaaaaaa'
  const wild = appRecord('wild', 'tcp', 1, { names: [{ host: '*.dev.test', ports: ['8000-8100'] }] })
  const exact = appRecord('exact', 'tcp', 1, { names: [{ host: 'a.dev.test', ports: ['8000'] }] })
  const tenant = new Tenant(id, [tenantRecord(id, 'acme', authority), wild, exact], position)
  const find = (host: string, port: number) => tenant.appOfName(host, port)?.name
  assert.equal(find('a.dev.test', 8000), 'exact')
  assert.equal(find('a.dev.test', 8001), 'wild')
  assert.equal(find('b.dev.test', 8100), 'wild')
  assert.equal(find('b.dev.test', 8101), undefined)
  assert.equal(find('x.b.dev.test', 8000), undefined)
  assert.equal(find('dev.test', 8000), undefined)
  tenant.apply([{ op: 'remove', kind: 'app', id: wild.id }])
  assert.equal(find('b.dev.test', 8000), undefined)
  assert.equal(find('a.dev.test', 8000), 'exact')
})
