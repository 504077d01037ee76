// Event streams against real receivers: a TLS server, an HTTPS server, files, and rsyslog where it is installed.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import { createAuthority, type Authority } from '#transport/certificate-authority.ts'
import { leaf, listen } from '#transport/testing.ts'
import { addTenantWithAdministrator, startTestControl, type TestControl } from '#control/testing.ts'
import { receiverAddresses } from './receiver-address.ts'
import { frameOf } from './syslog.ts'

let test: TestControl
let authority: Authority
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let T: string
let count = 0
let number = 0

before(async () => {
  authority = await createAuthority({ commonName: 'receivers', days: 1, pathLength: 0 })
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-streams-'))
  test = await startTestControl({ streaming: { lookMs: 50, retryMs: 50 } }, folder, { receivers: ['127.0.0.1'] })
})
after(() => test.close())
beforeEach(async () => {
  acme = await addTenantWithAdministrator(test, `stream${count++}`, 'boss')
  T = `/v1/tenants/${acme.name}`
})

async function call(path: string, body?: unknown, method?: string) {
  return test.call(`${T}${path}`, { token: acme.token, body, ...(method !== undefined && { method }) })
}

async function declare(target: object, more: object = {}, name = 'siem') {
  const applied = await call('/apply', { documents: [{ kind: 'EventStream', name, spec: { target, ...more } }] })
  assert.equal(applied.status, 200, applied.text)
  await until(async () => (await cursors()).length > 0, 'the stream has begun')
}

const cursors = () => test.context.store.forTenant(acme.id).selectFrom('streamCursors').selectAll().execute()
const status = async () => (await call('/stream-status')).body.items[0]

/** Resolves to the text of the event. */
async function tell(severity: 1 | 4 = 1): Promise<string> {
  const message = `number ${number++} \n<14>1 - forged "é"`
  await test.context.journal.record(
    acme.id,
    journalEvent('finding', 'create', {
      uid: newId('event'),
      timeMs: test.context.nowMs(),
      tenantId: acme.id,
      outcome: 'success',
      severity,
      message,
    }),
  )
  return message
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!(await holds())) {
    if (performance.now() > deadline) assert.fail(`never: ${what}`)
    await pause(20)
  }
}

/** A receiver as RFC 5425 has it: reads frames to the end, then closes. */
async function startSyslog(port = 0) {
  const messages: string[] = []
  const sockets = new Set<TLSSocket>()
  const server = createTlsServer(await leaf(authority, { sanDns: [], sanIps: ['127.0.0.1'] }), (socket) => {
    sockets.add(socket)
    let buffered = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk])
      for (;;) {
        const space = buffered.indexOf(0x20)
        const length = Number(buffered.subarray(0, space).toString())
        if (space < 1 || buffered.length < space + 1 + length) return
        messages.push(buffered.subarray(space + 1, space + 1 + length).toString())
        buffered = buffered.subarray(space + 1 + length)
      }
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    messages,
    port: (server.address() as AddressInfo).port,
    texts: () =>
      new Set(
        messages.map((message) => (JSON.parse(message.slice(message.indexOf('{'))) as { message: string }).message),
      ),
    kill: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function startCollector(answer: (at: number) => number | null) {
  const requests: {
    readonly body: string
    readonly authorization: string | undefined
    readonly type: string | undefined
  }[] = []
  let at = 0
  const server = createHttpsServer(
    await leaf(authority, { sanDns: [], sanIps: ['127.0.0.1'] }),
    (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const code = answer(at++)
        if (code === null) return
        if (code < 300)
          requests.push({
            body: Buffer.concat(chunks).toString(),
            authorization: request.headers.authorization,
            type: request.headers['content-type'],
          })
        response.writeHead(code, { location: 'https://127.0.0.1:1/' }).end()
      })
    },
  )
  const port = await listen(server)
  return {
    requests,
    port,
    tries: () => at,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const ca = () => ({ caPem: authority.certificatePem })

describe('syslog over TLS', () => {
  it('has every event of the tenant, once, in order, as one message each', async () => {
    const siem = await startSyslog()
    await declare({ kind: 'syslog', host: '127.0.0.1', port: siem.port, ...ca() })
    const told = [await tell(), await tell(4), await tell()]
    await until(() => told.every((text) => siem.texts().has(text)), 'all arrived')
    const own = siem.messages.filter((message) => message.includes('forged'))
    assert.equal(own.length, 3)
    assert.match(own[0] ?? '', /^<110>1 \d{4}-\d\d-\d\dT[\d:.]+Z sallyport\.localhost sallyport - ocsf-2004 - \{/)
    assert.match(own[1] ?? '', /^<107>1 /, 'a high severity is an error')
    for (const message of own) assert.doesNotMatch(message, /[^\x20-\x7e]/, 'no line feed, nothing but ASCII')
    await until(async () => (await status()).sent > 0, 'the status says so')
    await siem.kill()
  })

  it('loses nothing while the receiver is down, and goes on where it was', async () => {
    let siem = await startSyslog()
    const { port } = siem
    await declare({ kind: 'syslog', host: '127.0.0.1', port, ...ca() })
    const told = [await tell()]
    await until(() => siem.texts().has(told[0] ?? ''), 'the first')
    await siem.kill()
    for (let at = 0; at < 20; at++) told.push(await tell())
    await until(async () => (await status()).state === 'failing', 'it says that it fails')
    siem = await startSyslog(port)
    await until(() => told.slice(1).every((text) => siem.texts().has(text)), 'all the others')
    await until(async () => (await status()).state === 'sending', 'it says that it sends')
    assert.equal((await status()).lost, 0)
    await siem.kill()
  })

  it('sends again what a receiver took and did not keep', async () => {
    let dropped = 0
    const tls = createTlsServer(await leaf(authority, { sanDns: [], sanIps: ['127.0.0.1'] }), (socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        dropped++
        socket.destroy()
      })
    })
    const port = await listen(tls)
    await declare({ kind: 'syslog', host: '127.0.0.1', port, ...ca() })
    const text = await tell()
    await until(() => dropped > 0, 'it broke the connection')
    await new Promise((resolve) => tls.close(resolve))
    const siem = await startSyslog(port)
    await until(() => siem.texts().has(text), 'it came again')
    await siem.kill()
  })

  it('sends nothing to a receiver whose certificate is of somebody else', async () => {
    const stranger = await createAuthority({ commonName: 'x', days: 1, pathLength: 0 })
    const siem = await startSyslog()
    await declare({ kind: 'syslog', host: '127.0.0.1', port: siem.port, caPem: stranger.certificatePem })
    await tell()
    await until(async () => (await status()).state === 'failing', 'refused')
    assert.deepEqual(siem.messages, [])
    await siem.kill()
  })

  const rsyslog = '/usr/sbin/rsyslogd'
  it('reaches a real rsyslog, across its restart', { skip: !existsSync(rsyslog) }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-rsyslog-'))
    const { key, cert } = await leaf(authority, { sanDns: [], sanIps: ['127.0.0.1'] })
    writeFileSync(join(folder, 'key.pem'), key)
    writeFileSync(join(folder, 'cert.pem'), cert)
    writeFileSync(join(folder, 'ca.pem'), authority.certificatePem)
    const placeholder = createServer()
    const port = await listen(placeholder)
    await new Promise((resolve) => placeholder.close(resolve))
    writeFileSync(
      join(folder, 'rsyslog.conf'),
      `global(workDirectory="${folder}" maxMessageSize="128k" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="${folder}/ca.pem" defaultNetstreamDriverCertFile="${folder}/cert.pem" defaultNetstreamDriverKeyFile="${folder}/key.pem")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="plain" type="string" string="%msg%\\n")
input(type="imtcp" port="${port}" address="127.0.0.1")
action(type="omfile" file="${folder}/out" template="plain")\n`,
    )
    const start = () =>
      spawn(rsyslog, ['-n', '-f', join(folder, 'rsyslog.conf'), '-i', join(folder, 'pid')], { stdio: 'ignore' })
    const lines = () => (existsSync(join(folder, 'out')) ? readFileSync(join(folder, 'out'), 'utf8') : '')
    const has = (text: string) => lines().includes(JSON.stringify(text).slice(1, -1).replaceAll('é', '\\u00e9'))
    let child = start()
    try {
      await declare({ kind: 'syslog', host: '127.0.0.1', port, ...ca() })
      const first = await tell()
      await until(() => has(first), 'the first')
      await until(async () => (await status()).sent > 0, 'and its end was heard')
      child.kill('SIGKILL')
      await once(child, 'exit')
      const missed = [await tell(), await tell()]
      await until(async () => (await status()).state === 'failing', 'it is away')
      child = start()
      await until(() => missed.every(has), 'what it missed')
    } finally {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('HTTP batches', () => {
  it('carry the bearer token, which nobody can read back, and are tried again until 2xx', async () => {
    const siem = await startCollector((at) => (at < 2 ? 503 : 200))
    const url = `https://127.0.0.1:${siem.port}/in?x=1`
    await declare({ kind: 'http', url, ...ca() }, { bearerToken: 'very-secret' })
    const told = [await tell(), await tell()]
    const all = () => siem.requests.map(({ body }) => body).join('')
    await until(() => told.every((text) => all().includes(JSON.stringify(text))), 'all arrived')
    assert.deepEqual(
      [siem.requests[0]?.authorization, siem.requests[0]?.type],
      ['Bearer very-secret', 'application/x-ndjson'],
    )
    const lines = all().trim().split('\n')
    assert.equal(new Set(lines).size, lines.length, 'nothing twice')
    const shown = await call('/resources/event-streams/siem')
    assert.doesNotMatch(shown.text, /very-secret/)
    assert.doesNotMatch((await call('/events?limit=100')).text, /very-secret/)
    await siem.close()
  })

  it('as one array, and only what was asked for', async () => {
    const siem = await startCollector(() => 200)
    const url = `https://127.0.0.1:${siem.port}/`
    await declare({ kind: 'http', url, format: 'json', ...ca() }, { classes: [2004], minSeverity: 4 })
    const [unwanted, wanted] = [await tell(1), await tell(4)]
    await until(() => siem.requests.length > 0, 'one arrived')
    const events = siem.requests.flatMap(({ body }) => JSON.parse(body) as { message: string }[])
    assert.deepEqual(
      events.map(({ message }) => message),
      [wanted],
    )
    assert.notEqual(unwanted, wanted)
    await siem.close()
  })

  it('follow no redirect', async () => {
    const siem = await startCollector(() => 307)
    await declare({ kind: 'http', url: `https://127.0.0.1:${siem.port}/`, ...ca() })
    await tell()
    await until(() => siem.tries() > 1, 'it is tried again')
    assert.match((await status()).failure, /307/)
    await siem.close()
  })

  it('do not hold up anything when the receiver never answers', async () => {
    const siem = await startCollector(() => null)
    await declare({ kind: 'http', url: `https://127.0.0.1:${siem.port}/`, ...ca() })
    for (let at = 0; at < 10; at++) await tell()
    await until(() => siem.tries() > 0, 'it was asked')
    assert.equal((await call('/events?limit=5')).status, 200)
    await call('/resources/event-streams/siem', undefined, 'DELETE')
    await siem.close()
  })
})

describe('files', () => {
  it('are written a line an event, and rotated', async () => {
    await declare({ kind: 'file', name: 'audit', maxBytes: 65_536, keep: 2 })
    const folder = join(test.folder, 'streams', acme.id)
    const names = () => (existsSync(folder) ? readdirSync(folder) : [])
    const all = () => names().map((name) => readFileSync(join(folder, name), 'utf8'))
    for (let round = 0; round < 4; round++) {
      let last = ''
      for (let at = 0; at < 150; at++) last = await tell()
      await until(() => all().join('').includes(JSON.stringify(last)), 'written')
    }
    assert.ok(names().includes('audit.ndjson.1'))
    assert.ok(names().length <= 3)
    for (const text of all()) for (const line of text.trim().split('\n')) JSON.parse(line)
  })
})

describe('a receiver', () => {
  it('inside is refused unless the provider lists it, by name or by address, in whatever form', async () => {
    const { resolve } = receiverAddresses(
      (address) => address === '10.9.9.9',
      async (host) => [{ address: '93.184.216.34' }, ...(host === 'mixed.test' ? [{ address: '10.0.0.1' }] : [])],
    )
    for (const inside of [
      '127.0.0.1',
      '10.0.0.1',
      '169.254.169.254',
      '0.0.0.0',
      '::1',
      '::ffff:10.0.0.1',
      'fe80::1',
      'fd00::1',
      '64:ff9b::a00:1',
      '2002:a00:1::',
      'mixed.test',
    ])
      await assert.rejects(resolve(inside), { code: 'destination-refused' }, inside)
    for (const outside of ['8.8.8.8', '2606:4700::1111', '10.9.9.9']) assert.equal(await resolve(outside), outside)
    assert.equal(await resolve('siem.example'), '93.184.216.34')
  })

  it('that is inside is never dialled', async () => {
    const refused = await startTestControl({ streaming: { lookMs: 50, retryMs: 50 } })
    const other = await addTenantWithAdministrator(refused, 'inside', 'boss')
    let dialled = 0
    const trap = createServer(() => dialled++)
    const port = await listen(trap)
    for (const target of [
      { kind: 'syslog', host: '127.0.0.1', port },
      { kind: 'http', url: `https://localhost:${port}/` },
    ])
      await refused.call('/v1/tenants/inside/apply', {
        token: other.token,
        body: { documents: [{ kind: 'EventStream', name: target.kind, spec: { target } }] },
      })
    const statuses = async () =>
      (await refused.call('/v1/tenants/inside/stream-status', { token: other.token })).body.items
    await until(async () => {
      await refused.context.journal.record(
        other.id,
        journalEvent('finding', 'other', { uid: newId('event'), timeMs: 1, tenantId: other.id, outcome: 'success' }),
      )
      return (
        (await statuses()).length === 2 &&
        (await statuses()).every(({ state }: { state: string }) => state === 'failing')
      )
    }, 'both are refused')
    assert.equal(dialled, 0)
    trap.close()
    await refused.close()
  })

  it('is spoken to over TLS only, and no address carries a password', async () => {
    for (const target of [
      { kind: 'http', url: 'http://siem.example/' },
      { kind: 'http', url: 'https://u:p@siem.example/' },
      { kind: 'syslog', host: 'siem.example', port: 514, tls: false },
      { kind: 'file', name: '../../etc/passwd' },
    ]) {
      const applied = await call('/apply', { documents: [{ kind: 'EventStream', name: 'x', spec: { target } }] })
      assert.equal(applied.status, 422, JSON.stringify(target))
    }
  })
})

it('a message cannot be made to look like two', () => {
  const event = { class_uid: 3003, severity_id: 9, time: 1e300, message: 'a\n<0>1 forged\u2028é' }
  const frame = frameOf(event, JSON.stringify(event), 'host').toString()
  assert.match(frame, /^\d+ <110>1 - host sallyport - ocsf-3003 - \{/)
  assert.equal(Number(frame.split(' ')[0]), frame.length - frame.indexOf(' ') - 1)
  assert.doesNotMatch(frame, /\n|\u2028/)
})
