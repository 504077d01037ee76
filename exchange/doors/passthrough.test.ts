// The way to control under attack: places that are taken and not used.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { listen, socketPair } from '#transport/testing.ts'
import { createPassthrough, type PassthroughCaps } from './passthrough.ts'

const cleanups: (() => unknown)[] = []
after(() => {
  for (const cleanup of cleanups) cleanup()
})
const never = 600_000

async function setUp(answer: (socket: Socket) => void, limits: PassthroughCaps) {
  const control = createServer((socket) => {
    cleanups.push(() => socket.destroy())
    socket.on('error', () => {})
    answer(socket.resume())
  })
  const port = await listen(control)
  const passthrough = createPassthrough({ host: '127.0.0.1', port }, () => {}, limits)
  cleanups.push(
    () => passthrough.destroy(),
    () => control.close(),
  )
  return {
    passthrough,
    async enter(clientIp: string, said = 'hello') {
      const { near, far } = await socketPair()
      near.on('error', () => {})
      cleanups.push(() => near.destroy())
      const incoming = { clientIp, clientPort: 1, localIp: '192.0.2.100', localPort: 443, serverName: 'x' }
      passthrough.enter({ ...incoming, socket: far, bytes: Buffer.from(said) })
      return near
    },
  }
}

test('one address takes its share of the places, and gets them back', async () => {
  const { passthrough, enter } = await setUp((socket) => socket.write('answer'), {
    perSource: 2,
    total: 3,
    answerMs: never,
  })
  const held = [await enter('2001:db8::1'), await enter('2001:db8::2')]
  for (const socket of held) assert.equal(String((await once(socket, 'data'))[0]), 'answer')
  const [alert] = (await once(await enter('2001:db8::3'), 'data')) as [Buffer]
  assert.equal(alert[0], 21)
  const other = await enter('192.0.2.1')
  assert.equal(String((await once(other, 'data'))[0]), 'answer')
  assert.equal(passthrough.count, 3)
  const [full] = (await once(await enter('192.0.2.2'), 'data')) as [Buffer]
  assert.equal(full[0], 21)
  held[0]?.destroy()
  while (passthrough.count === 3) await new Promise(setImmediate)
  assert.equal(String((await once(await enter('2001:db8::4'), 'data'))[0]), 'answer')
})

test('a hello that control does not answer, or whose sender goes no further, loses its place', async () => {
  const { passthrough, enter } = await setUp(
    (socket) =>
      void socket.on('data', (bytes) => {
        const said = String(bytes)
        if (said.endsWith('hello')) socket.write('answer')
        if (said.endsWith('finished')) socket.write('served')
      }),
    { perSource: 9, total: 9, answerMs: 300 },
  )
  const unanswered = await enter('192.0.2.1', 'mumble')
  const silent = await enter('192.0.2.2')
  const honest = await enter('192.0.2.3')
  await once(honest, 'data')
  honest.write('finished')
  assert.equal(String((await once(honest, 'data'))[0]), 'served')
  const gone = [unanswered, silent].map((socket) => new Promise((resolve) => socket.resume().once('close', resolve)))
  await Promise.all(gone)
  while (passthrough.count > 1) await new Promise(setImmediate)
  assert.equal(passthrough.count, 1)
  assert.equal(honest.destroyed, false)
})
