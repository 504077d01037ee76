// Who may read figures and reasons, over real sockets.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { Fault } from '#core/fault.ts'
import { startWatchEndpoint, type WatchConfig } from './watch-endpoint.ts'

const token = 'a-token-long-enough-to-be-one'
const reason = 'no exchange is linked'

function start(config: Partial<WatchConfig> = {}, reasons: readonly string[] = []) {
  return startWatchEndpoint(
    { host: '127.0.0.1', port: 0, ...config },
    {
      collect: async () => [{ name: 'sallyport_connector_links', value: 2 }],
      whyNotReady: async () => reasons,
      log: () => {},
    },
  )
}

async function get(port: number, path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  const asking = request({ host: '127.0.0.1', port, path, headers, method, agent: false })
  asking.end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode, text, type: response.headers['content-type'] }
}

test('an address that other machines reach is refused without a token', async () => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'localhost.example'])
    await assert.rejects(start({ host }), (fault) => fault instanceof Fault && fault.code === 'configuration-invalid')
})

test('with a token, nobody else reads a figure or a reason', async () => {
  const endpoint = await start({ token }, [reason])
  for (const authorization of ['', 'Bearer wrong', token, `bearer ${token}x`])
    assert.equal((await get(endpoint.port, '/metrics', { authorization })).status, 401)
  const stranger = await get(endpoint.port, '/readyz')
  assert.deepEqual([stranger.status, stranger.text.includes(reason)], [503, false])
  const known = { authorization: `Bearer ${token}` }
  assert.match((await get(endpoint.port, '/metrics', known)).text, /sallyport_connector_links 2/)
  assert.match((await get(endpoint.port, '/readyz', known)).text, /no exchange is linked/)
  await endpoint.close()
})

test('a web page that leads a browser of this machine here by its own name reads nothing', async () => {
  const endpoint = await start()
  assert.equal((await get(endpoint.port, '/metrics', { host: 'rebound.example' })).status, 421)
  assert.equal((await get(endpoint.port, '/metrics', { host: 'localhost:9' })).status, 200)
  await endpoint.close()
})

test('ready says yes, and otherwise why not, for people and for machines', async () => {
  const well = await start()
  const ill = await start({}, [reason])
  assert.equal((await get(well.port, '/readyz')).status, 200)
  const said = await get(ill.port, '/readyz', { accept: 'application/json' })
  assert.deepEqual([said.status, JSON.parse(said.text)], [503, { ready: false, reasons: [reason] }])
  assert.equal((await get(ill.port, '/healthz')).status, 200)
  assert.match(
    (await get(ill.port, '/metrics')).text,
    /sallyport_ready 0\nsallyport_not_ready_reasons|sallyport_ready 0/,
  )
  await Promise.all([well.close(), ill.close()])
})

test('only reads are answered, and OpenMetrics to who asks for it', async () => {
  const endpoint = await start()
  assert.equal((await get(endpoint.port, '/metrics', {}, 'POST')).status, 405)
  assert.equal((await get(endpoint.port, '/other')).status, 404)
  const open = await get(endpoint.port, '/metrics', { accept: 'application/openmetrics-text; version=1.0.0' })
  assert.match(open.type ?? '', /^application\/openmetrics-text/)
  assert.match(open.text, /# EOF\n$/)
  await endpoint.close()
})
