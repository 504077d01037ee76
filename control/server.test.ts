// Starting, restarting and the front door: who is believed about an address, which names are answered.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { once } from 'node:events'
import { isFault } from '#core/fault.ts'
import { encodeProxyHeader } from '#transport/proxy-protocol.ts'
import { parseControlConfig } from './config.ts'
import { startControl } from './server.ts'
import {
  callControl,
  addTenantWithAdministrator,
  appsDomain,
  domain,
  documentsOfEverything,
  newCsr,
  startTestControl,
} from './testing.ts'

const minimal = { dataFolder: '/nowhere', domain, appsDomain, publicPort: 8443, listen: { host: '127.0.0.1', port: 0 } }

describe('the configuration', () => {
  it('refuses unknown keys, apps under the own domain and networks that are none', () => {
    const wrong: object[] = [
      { ...minimal, colour: 'red' },
      { ...minimal, appsDomain: `apps.${domain}` },
      { ...minimal, appsDomain: domain },
      { ...minimal, relays: ['10.0.0.0/99'] },
      { ...minimal, publicPort: 0 },
      { ...minimal, store: { kind: 'postgres', url: 'postgres://secret' } },
    ]
    for (const config of wrong)
      assert.throws(
        () => parseControlConfig(config),
        (error) => isFault(error, 'configuration-invalid'),
      )
    assert.equal(parseControlConfig(minimal).publicPort, 8443)
  })
})

describe('the first start', () => {
  it('makes a provider, its keys and one invitation; the next start finds them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-first-'))
    const config = { ...minimal, dataFolder: folder }
    const first = await startControl(config)
    assert.match(first.firstInvitation?.url ?? '', new RegExp(`^https://[a-z.]*${domain}:8443/`))
    const { webCaPem } = first
    await first.close()
    await first.close()
    assert.equal(statSync(join(folder, 'kek')).mode & 0o077, 0)
    const bytes = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, 'latin1'))
      .join('')
    assert.doesNotMatch(bytes, /PRIVATE KEY/)
    await using second = await startControl(config)
    assert.equal(second.firstInvitation, null)
    assert.deepEqual(second.webCaPem, webCaPem)
    assert.match((await second.inviteUser('provider', 'admin', 60)).url, /^https:/)
    second.destroy()
    second.destroy()
  })

  it('does not start with the wrong key-encryption key', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-kek-'))
    const keyEncryptionKey = { kind: 'environment' as const, name: 'KEK' }
    const start = (key: string) =>
      startControl({ ...minimal, dataFolder: folder, keyEncryptionKey }, { environment: { KEK: key } })
    await (await start('A'.repeat(43))).close()
    await assert.rejects(start(`${'A'.repeat(41)}BA`), (error) => isFault(error, 'store-failed'))
    await assert.rejects(start('short'), (error) => isFault(error, 'configuration-invalid'))
  })
})

/** One request over a connection that begins with these bytes; the answer's text, or 'closed'. */
async function knock(port: number, ca: readonly string[], first: Buffer, path: string, token: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(first)
  const host = `api.${domain}`
  const tls: TLSSocket = connectTls({ socket, servername: host, ca: [...ca] })
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  tls.on('error', () => resolve('closed'))
  tls.on('data', (chunk: Buffer) => (text += chunk.toString()))
  tls.on('close', () => resolve(text === '' ? 'closed' : text))
  tls.write(`DELETE ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`)
  return promise
}

describe('the front door', () => {
  const header = encodeProxyHeader({
    kind: 'proxied',
    sourceAddress: '203.0.113.9',
    sourcePort: 4711,
    destinationAddress: '127.0.0.1',
    destinationPort: 443,
  })

  it('believes a PROXY header from listed relays, and from nobody else', async () => {
    for (const relays of [['127.0.0.0/8'], []]) {
      const folder = mkdtempSync(join(tmpdir(), 'sallyport-relay-'))
      await using control = await startControl({ ...minimal, dataFolder: folder, relays })
      const test = { control, context: control.context } as unknown as Awaited<ReturnType<typeof startTestControl>>
      const acme = await addTenantWithAdministrator(test, 'acme')
      const delete_ = async (first: Buffer) => {
        const { id } = await control.context.store
          .forTenant(acme.id)
          .selectFrom('apiTokens')
          .select('id')
          .where('name', '=', 'spare')
          .executeTakeFirstOrThrow()
        return knock(control.port, control.webCaPem, first, `/v1/tenants/acme/api-tokens/${id}`, acme.token)
      }
      const spare = { name: 'spare', role: 'auditor', expiresInSeconds: 60 }
      const make = () => callControl(control, '/v1/tenants/acme/api-tokens', { token: acme.token, body: spare })
      const whence = async () => {
        const page = await control.context.journal.list(acme.id, {
          limit: 1,
          fields: { 'api.operation': 'deleteApiToken' },
        })
        return page.items[0]?.event['src_endpoint']
      }
      await make()
      const answer = await delete_(header)
      if (relays.length === 0) {
        assert.equal(answer, 'closed')
        assert.equal(await whence(), undefined)
        continue
      }
      assert.match(answer, /200/)
      assert.deepEqual(await whence(), { ip: '203.0.113.9' })
      // A relay that sends no header speaks for itself.
      await make()
      assert.match(await delete_(Buffer.alloc(0)), /200/)
      assert.deepEqual(await whence(), { ip: '127.0.0.1' })
    }
  })

  it('answers no name that is not ours, nor plain HTTP', async () => {
    await using test = await startTestControl()
    for (const servername of ['evil.test', `nobody.${domain}`, `a.b.${domain}`, domain]) {
      const socket = connectTls({ host: '127.0.0.1', port: test.control.port, servername, rejectUnauthorized: false })
      await assert.rejects(once(socket, 'secureConnect'), servername)
    }
    const plain = connect(test.control.port, '127.0.0.1')
    plain.on('error', () => {})
    plain.write('GET / HTTP/1.1\r\n\r\n')
    await once(plain.resume(), 'close')
  })
})

describe('events', () => {
  it('arrive as they happen, go on from a cursor, and stop for who may not see them', async () => {
    await using test = await startTestControl()
    const acme = await addTenantWithAdministrator(test, 'acme')
    const T = '/v1/tenants/acme'
    const socket = connectTls({
      host: '127.0.0.1',
      port: test.control.port,
      servername: `api.${domain}`,
      ca: [...test.control.webCaPem],
    })
    socket.write(
      `GET ${T}/events/stream HTTP/1.1\r\nHost: api.${domain}\r\nAuthorization: Bearer ${acme.token}\r\n\r\n`,
    )
    let text = ''
    const until = async (pattern: RegExp) => {
      while (!pattern.test(text)) text += String((await once(socket, 'data'))[0])
    }
    await until(/text\/event-stream/)
    // The stream begins when the journal has been looked at: what is asked for until then is in the list.
    let made = 0
    const writing = setInterval(() => {
      made++
      test.call(`${T}/settings`, { token: acme.token, method: 'PATCH', body: { explain: 'full' } }).catch(() => {})
    }, 20)
    await until(/data: .*changeSettings/)
    clearInterval(writing)
    assert.ok(made > 0)
    socket.destroy()
  })
})

describe('a device', () => {
  it('is the same for the same person and key, and never comes back once revoked', async () => {
    await using test = await startTestControl()
    const acme = await addTenantWithAdministrator(test, 'acme')
    await test.call('/v1/tenants/acme/apply', { token: acme.token, body: { documents: documentsOfEverything() } })
    const mirror = await test.context.mirrors.current(acme.id)
    const { signIn } = test.context.links
    assert.ok(signIn)
    let scopesOf = ['openid', 'api']
    // Sign-in itself has its own tests; here a person is taken as signed in.
    test.context.links.signIn = {
      ...signIn,
      bindSession: async () => {},
      verifyAccessToken: async (token) => ({
        tenantId: acme.id,
        userId: mirror.byName('user', token.split(' ')[0] ?? '')?.id ?? '',
        sessionId: null,
        scopes: scopesOf,
        factors: ['pwd'],
        expiresAtMs: Date.now() + 60_000,
        grantId: 'grant',
        signInExpiresAtMs: Date.now() + 3_600_000,
      }),
    }
    const key = await newCsr()
    const send = (accessToken: string, csrPem: string) =>
      test.call('/v1/devices/sign-in', { body: { accessToken, csrPem, name: 'laptop', os: 'linux' } })
    let tokens = 0
    const enrol = (user: string, csrPem = key.csrPem) => send(`${user} ${++tokens}`, csrPem)
    const bobsKey = await newCsr()
    assert.equal((await enrol('ada')).status, 401, 'a token for the API enrols no device')
    scopesOf = ['openid', 'agent']
    const [first, second, other, otherKey] = [
      await enrol('ada'),
      await enrol('ada'),
      await enrol('bob', bobsKey.csrPem),
      await enrol('ada', (await newCsr()).csrPem),
    ]
    assert.equal(first.status, 201, first.text)
    assert.equal(second.body.deviceId, first.body.deviceId)
    assert.notEqual(second.body.sessionId, first.body.sessionId)
    assert.equal(new Set([first, other, otherKey].map(({ body }) => body.deviceId)).size, 3)
    const sessions = await test.call('/v1/tenants/acme/sessions', { token: acme.token })
    assert.equal(sessions.body.total, 3, 'signing in again replaced the session of the device')
    const revoked = await test.call(`/v1/tenants/acme/devices/${first.body.deviceId}`, {
      token: acme.token,
      method: 'DELETE',
    })
    assert.equal(revoked.status, 200, revoked.text)
    assert.equal((await enrol('ada')).body.error.code, 'enrolment-refused')
    assert.equal((await enrol('bob')).body.error.code, 'enrolment-refused', 'a revoked key is nobody’s any more')
    const stolen = await enrol('ada', bobsKey.csrPem)
    assert.equal(stolen.body.error.code, 'enrolment-refused', 'a key is one person’s')
    assert.equal((await test.call('/v1/tenants/acme/sessions', { token: acme.token })).body.total, 2)
    await test.call('/v1/tenants/acme/resources/users/bob', {
      token: acme.token,
      method: 'PUT',
      body: { spec: { status: 'disabled' } },
    })
    assert.equal((await enrol('bob', bobsKey.csrPem)).status, 404)
    const keys = await Promise.all(Array.from({ length: 6 }, () => newCsr()))
    const atOnce = await Promise.all(keys.map(({ csrPem }) => send('ada once', csrPem)))
    assert.deepEqual(
      atOnce.map(({ status }) => status).toSorted((a, b) => a - b),
      [201, 401, 401, 401, 401, 401],
      'one access token enrols one device',
    )
    test.context.links.signIn = signIn
  })
})
