// What must not get through apply: two apps at one place, rules that match nothing, hosts that are no hosts.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>

before(async () => {
  test = await startTestControl()
  acme = await addTenantWithAdministrator(test, 'acme')
  const applied = await apply(documentsOfEverything())
  assert.equal(applied.status, 200, applied.text)
})
after(() => test.close())

const apply = (documents: readonly object[], dryRun = false) =>
  test.call('/v1/tenants/acme/apply', { token: acme.token, body: { documents, dryRun } })
const tcp = (name: string, names: readonly (readonly [string, string])[], more: object = {}) => ({
  kind: 'App',
  name,
  spec: {
    kind: 'tcp',
    connectorGroup: 'dc',
    upstream: { host: 'x', port: 1 },
    names: names.map(([host, ports]) => ({ host, ports: ports.split(',') })),
    ...more,
  },
})
const http = (name: string, spec: object) => ({
  kind: 'App',
  name,
  spec: { kind: 'http', connectorGroup: 'dc', upstream: { host: 'x' }, ...spec },
})

describe('a name and port for agents', () => {
  it('belongs to one app: a second claim is refused, naming the app and the place', async () => {
    for (const [host, ports] of [
      ['db.acme.test', '5432'],
      ['db.acme.test', '80,5000-6000'],
      ['db.acme.test', '5432-5432'],
    ] as const) {
      const answer = await apply([
        tcp('thief', [
          ['other.acme.test', '5432'],
          [host, ports],
        ]),
      ])
      assert.equal(answer.status, 422, answer.text)
      assert.equal(answer.body.error.code, 'document-invalid')
      assert.equal(answer.body.error.at, 'documents[0].spec.names[1]')
      assert.match(answer.body.error.message, /the app db has db\.acme\.test, port 5432/)
    }
    const both = await apply([tcp('one', [['*.x.test', '1-9']]), tcp('two', [['*.x.test', '9']])])
    assert.deepEqual(
      both.body.error.faults.map(({ at }: { at: string }) => at),
      ['documents[0].spec.names[0]', 'documents[1].spec.names[0]'],
    )
  })

  it('is found taken among many ranges, whichever comes first', async () => {
    const many = tcp('many', [['m.test', '1-2,100-200,150-160,300']])
    for (const [ports, isTaken] of [
      ['3-99,201-299,301', false],
      ['155', true],
      ['200', true],
      ['1', true],
      ['250-400', true],
      ['1-65535', true],
    ] as const)
      for (const documents of [
        [many, tcp('few', [['m.test', ports]])],
        [tcp('few', [['m.test', ports]]), many],
      ])
        assert.equal((await apply(documents, true)).status, isTaken ? 422 : 200, ports)
  })

  it('may be below a wildcard, of a disabled app, on other ports, twice in one app, or handed over', async () => {
    for (const documents of [
      [tcp('wide', [['*.acme.test', '5432']])],
      [tcp('asleep', [['db.acme.test', '5432']], { enabled: false })],
      [tcp('beside', [['db.acme.test', '5433-6000,1-5431']])],
      [
        tcp('twice', [
          ['t.acme.test', '1-9,5'],
          ['t.acme.test', '5'],
        ]),
      ],
      [tcp('db', []), tcp('heir', [['db.acme.test', '5432']])],
    ]) {
      const answer = await apply(documents, true)
      assert.equal(answer.status, 200, answer.text)
    }
    assert.equal((await apply([tcp('asleep', [['db.acme.test', '5432']], { enabled: false })])).status, 200)
    const woken = await apply([tcp('asleep', [['db.acme.test', '5432']])])
    assert.equal(woken.body.error?.at, 'documents[0].spec.names[0]', 'enabling it is a claim')
  })
})

describe('a path rule', () => {
  const withRule = (path: string) => apply([http('ruled', { http: { rules: [{ allow: false, path }] } })], true)

  it('that could never match is refused with its place', async () => {
    for (const path of [
      '/%zz',
      '/%',
      '//dbl',
      '/a//*',
      '/caf%c3%a9',
      '/gehéim',
      '/a%2Db',
      '/star*',
      '/*/x',
      '/a/**',
      '/x;y',
      '/up/../x',
      '/up/./x',
      '/a%2Fb',
      '/a%5Cb',
      '/a\\b',
      '/%252e',
      '/%ff',
      '/a%00',
      '/a|b',
    ]) {
      const answer = await withRule(path)
      assert.equal(answer.body.error?.at, 'documents[0].spec.http.rules[0].path', `${path} ${answer.text}`)
    }
    assert.match((await withRule('/caf%c3%a9')).body.error.message, /\/caf%C3%A9/)
    assert.match((await withRule('/a%2Db/*')).body.error.message, /\/a-b\/\*/)
  })

  it('in the form that requests are compared in is accepted', async () => {
    for (const path of ['/', '/*', '/adm', '/adm/', '/adm/*', '/caf%C3%A9', '/sp%20ace/*', '/a.b/~c', '/a:b@c'])
      assert.equal((await withRule(path)).status, 200, path)
  })
})

describe('an address', () => {
  it('of an app is a host name or an IP address, and nothing besides', async () => {
    const withHost = (host: string) => apply([http('reached', { upstream: { host } })], true)
    for (const host of [
      'x\r\nEvil: 1',
      'x\n',
      ' x',
      'x y',
      'a/b',
      'a:80',
      'u@h',
      '[::1]',
      'fe80::1%eth0',
      '1.2.3',
      '999.1.1.1',
      'a..b',
      '-a',
      '',
      'é.test',
    ])
      assert.equal((await withHost(host)).body.error?.at, 'documents[0].spec.upstream.host', JSON.stringify(host))
    for (const host of ['x', 'Wiki.Internal', 'my_app', '127.0.0.1', '::1', '2001:db8::1'])
      assert.equal((await withHost(host)).status, 200, host)
  })

  it('of an issuer is https', async () => {
    for (const issuer of ['http://idp.test', 'ftp://idp.test', 'javascript:alert(1)', 'idp.test']) {
      const provider = { kind: 'IdentityProvider', name: 'i', spec: { issuer, clientId: 'x' } }
      assert.equal((await apply([provider], true)).body.error?.at, 'documents[0].spec.issuer', issuer)
      const user = { kind: 'User', name: 'u', spec: { identities: [{ issuer, subject: 's' }] } }
      assert.equal((await apply([user], true)).body.error?.at, 'documents[0].spec.identities[0].issuer', issuer)
    }
  })
})
