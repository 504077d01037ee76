// Stopping: nobody who merely holds a connection may hold up the end, and what was asked is still answered.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { caps } from './caps.ts'
import { dialFeed, enrolExchange, FakeExchange } from './feed/testing.ts'
import { addTenantWithAdministrator, domain, startTestControl, type TestControl } from './testing.ts'

async function dial(test: TestControl, text: string): Promise<TLSSocket> {
  const host = `api.${domain}`
  const socket = connectTls({
    host: '127.0.0.1',
    port: test.control.port,
    servername: host,
    ca: [...test.control.webCaPem],
  })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  if (text !== '') socket.write(text.replaceAll('HOST', host))
  return socket
}

async function arrives(socket: TLSSocket, pattern: RegExp): Promise<string> {
  let text = ''
  while (!pattern.test(text)) text += String((await once(socket, 'data'))[0])
  return text
}

describe('control that stops', () => {
  it('does not wait for exchanges, idle browsers, event streams or handshakes that nobody finishes', async (t) => {
    const test = await startTestControl()
    const acme = await addTenantWithAdministrator(test, 'acme')
    const identity = await enrolExchange(test)
    const exchange = await FakeExchange.start(test, identity)
    const silent = await dialFeed(test, identity)
    silent.on('error', () => {})
    const stream = await dial(
      test,
      `GET /v1/tenants/acme/events/stream HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer ${acme.token}\r\n\r\n`,
    )
    await arrives(stream, /event-stream/)
    const idle = await dial(test, 'GET /v1/openapi.json HTTP/1.1\r\nHost: HOST\r\n\r\n')
    await arrives(idle, /200 OK/)
    await dial(test, '')
    // The patience of a stop is the one timer of that length: were anybody waited for, it would go off.
    const real = globalThis.setTimeout
    let impatience = 0
    t.mock.method(globalThis, 'setTimeout', (call: () => void, ms: number) =>
      real(ms === caps.closeMs.default ? () => (impatience++, call()) : call, ms),
    )
    await test.close()
    assert.equal(impatience, 0)
    await exchange.closed
  })

  it('still gives the answer that was under way', async () => {
    const test = await startTestControl()
    const acme = await addTenantWithAdministrator(test, 'acme')
    const started = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const check = test.context.checkPolicies
    Object.assign(test.context, {
      checkPolicies: async (documents: Parameters<typeof check>[0]) => {
        started.resolve()
        await go.promise
        return check(documents)
      },
    })
    const body = JSON.stringify({
      documents: [{ kind: 'Policy', name: 'p', spec: { text: 'permit (principal, action, resource);' } }],
    })
    const socket = await dial(
      test,
      `POST /v1/tenants/acme/apply HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer ${acme.token}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await started.promise
    const stopped = test.close()
    go.resolve()
    assert.match(await arrives(socket, /\r\n\r\n/), /^HTTP\/1.1 200/)
    await stopped
  })
})
