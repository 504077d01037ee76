// The live stream through a real control plane: what an exchange says, what it may not say, events, and its end.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { connect } from 'node:tls'
import { newId } from '#core/ids.ts'
import { enrolExchange, FakeExchange } from '#control/feed/testing.ts'
import { addTenantWithAdministrator, documentsOfEverything, startTestControl } from '#control/testing.ts'

type Message = {
  kind: string
  flows: number
  items: unknown[]
  picture: { people: { name: string }[]; apps: { name: string; kind: string }[] }
  health: object
}

test('a look comes at once and holds what exchanges summed, with the names of this tenant only; events come in batches', async () => {
  await using control = await startTestControl()
  const acme = await addTenantWithAdministrator(control, 'acme')
  await control.call('/v1/tenants/acme/apply', { token: acme.token, body: { documents: documentsOfEverything() } })
  const exchange = await FakeExchange.start(control, await enrolExchange(control))
  const mirror = await control.context.mirrors.current(acme.id)
  const ada = mirror.byName('user', 'ada')?.id ?? ''
  const wiki = mirror.byName('app', 'wiki')?.id ?? ''
  const sum = { userId: ada, appId: wiki, isWeb: false, flows: 40_000, bytesIn: 0, bytesOut: 0 }
  const answering = (async () => {
    let answered = 0
    for (;;) {
      await exchange.until(() => exchange.told.filter(({ type }) => type === 'list-flows').length > answered)
      const asked = exchange.told.filter((told) => told.type === 'list-flows').at(answered++)
      assert.equal(asked?.sums, true)
      exchange.tell({
        type: 'live-flows',
        requestId: asked?.requestId ?? 0,
        flows: [],
        total: 40_002,
        sums: [
          sum,
          { ...sum, appId: '', isWeb: true, flows: 1 },
          { ...sum, userId: newId('user'), appId: newId('app'), flows: 1 },
        ],
      })
    }
  })()
  answering.catch(() => undefined)
  const socket = connect({
    host: '127.0.0.1',
    port: control.control.port,
    servername: 'api.sallyport.localhost',
    ca: [...control.control.webCaPem],
  })
  socket.write(
    `GET /v1/tenants/acme/now/stream HTTP/1.1\r\nHost: api.sallyport.localhost\r\nAuthorization: Bearer ${acme.token}\r\n\r\n`,
  )
  let text = ''
  const message = async (kind: string): Promise<Message> => {
    for (;;) {
      const found = text
        .split('\n')
        .filter((line) => line.startsWith('data: ') && line.endsWith('}'))
        .map((line) => JSON.parse(line.slice(6)) as Message)
        .find((one) => one.kind === kind && (kind !== 'look' || one.flows > 0))
      if (found) return found
      text += String((await once(socket, 'data'))[0])
    }
  }
  const look = await message('look')
  assert.equal(look.flows, 40_002)
  assert.deepEqual(
    look.picture.people.map(({ name }) => name),
    ['ada', ''],
  )
  assert.deepEqual(look.picture.apps.map(({ name, kind }) => `${kind} ${name}`).toSorted(), [
    'app ',
    'app wiki',
    'internet ',
  ])
  const writing = setInterval(() => {
    control
      .call('/v1/tenants/acme/settings', { token: acme.token, method: 'PATCH', body: { explain: 'full' } })
      .catch(() => undefined)
  }, 20)
  const batch = await message('events')
  clearInterval(writing)
  assert.ok(batch.items.length > 0)
  socket.destroy()
})
