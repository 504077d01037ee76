// What an exchange sees of a sealed flow: everything that it sends and receives is captured while a known text goes
// through in both directions, and the text is nowhere in it. The same capture on the app's side shows it.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { captureAbsent, startCapture } from './peers/capture.ts'
import { program } from './programs.ts'
import { startWorld } from './world.ts'

const FILLING_BYTES = 4 * 1024 * 1024
const socksProgram = fileURLToPath(new URL('./programs/socks-connect.ts', import.meta.url))

/** The forms in which a text could be carried and still be the text. */
function formsOf(text: string): ReadonlyMap<string, Buffer> {
  const bytes = Buffer.from(text)
  const forms = new Map<string, Buffer>([
    ['raw', bytes],
    ['reversed', Buffer.from(bytes).reverse()],
    ['hex', Buffer.from(bytes.toString('hex'))],
    ['UTF-16', Buffer.from(text, 'utf16le')],
  ])
  // Inside a longer text base64 depends on where it begins, and only whole groups of three are its own.
  for (const shift of [0, 1, 2]) {
    const inner = bytes.subarray(shift, shift + Math.floor((bytes.length - shift) / 3) * 3)
    forms.set(`base64 ${shift}`, Buffer.from(inner.toString('base64').replaceAll('=', '')))
    forms.set(`base64url ${shift}`, Buffer.from(inner.toString('base64url')))
  }
  forms.set('gzip', gzipSync(bytes).subarray(10, -8))
  return forms
}

/** What unpacks from anything in the stream that begins like gzip (RFC 1952), as far as it unpacks. */
function* unpacked(stream: Buffer): Generator<Buffer> {
  const start = Buffer.from([0x1f, 0x8b, 0x08])
  for (let at = stream.indexOf(start); at >= 0; at = stream.indexOf(start, at + 1)) {
    try {
      yield gunzipSync(stream.subarray(at), { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: FILLING_BYTES * 4 })
    } catch {
      // Three bytes of ciphertext that only look like it.
    }
  }
}

test(
  'the bytes of a sealed flow pass the exchange without their plaintext',
  { skip: captureAbsent(), timeout: 180_000 },
  async (t) => {
    const [up, down] = [randomBytes(48).toString('hex'), randomBytes(48).toString('hex')]
    // The app sends its own text after it has the caller's, with filling, so that the volume can be recognised.
    const app = createServer((socket: Socket) => {
      let seen = ''
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        if (seen.includes(up)) return
        seen = (seen + chunk.toString('latin1')).slice(-10_000)
        if (!seen.includes(up)) return
        socket.write(Buffer.alloc(FILLING_BYTES, 'filling '))
        socket.end(down)
      })
    })
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
    t.after(() => app.close())
    const { port: appPort } = app.address() as AddressInfo

    await using world = await startWorld('processes')
    const spec = {
      kind: 'tcp',
      connectorGroup: 'office',
      names: [{ host: 'secret.acme.test', ports: ['7'] }],
      upstream: { host: '127.0.0.1', port: appPort },
    }
    await world.api().call('apply', { body: { documents: [{ kind: 'App', name: 'secret', spec }] } })
    await using alice = await world.agent('alice')
    const run = async () => {
      const pipe = `printf %s ${up} | ${process.execPath} ${socksProgram} ${alice.socksPort} secret.acme.test 7`
      const outcome = await program('bash', ['-c', pipe], {}, alice.account)
      const got = `code ${outcome.code}, ${outcome.out.length} characters, ${outcome.err}`
      assert.ok(outcome.out.endsWith(down), got)
      assert.equal(outcome.out.length, FILLING_BYTES + down.length)
    }
    const has = (streams: readonly Buffer[], part: Buffer) => streams.some((stream) => stream.includes(part))
    const volume = (streams: readonly Buffer[]) => streams.reduce((sum, { length }) => sum + length, 0)

    await t.test('the capture shows plaintext where there is some: between connector and app', async () => {
      await using capture = await startCapture(`tcp port ${appPort}`, appPort)
      await run()
      const streams = await capture.stop()
      assert.ok(has(streams, Buffer.from(up)))
      assert.ok(has(streams, Buffer.from(down)))
      assert.ok(volume(streams) >= FILLING_BYTES)
    })

    await t.test('and none at the exchange, whose bytes are all there', async () => {
      const flows = async () => {
        const { items } = await world.api().call('listEvents', { query: { limit: 200 } })
        return items.filter(({ event }) => event['app_name'] === 'secret')
      }
      // Everything that the exchange's one port sends and receives, and what it says to control.
      await using capture = await startCapture(`tcp port ${world.port} or tcp port ${world.controlPort}`, world.port)
      await run()
      const streams = await capture.stop()
      for (const [what, text] of [
        ['up', up],
        ['down', down],
      ] as const) {
        for (const [form, bytes] of formsOf(text)) assert.equal(has(streams, bytes), false, `${what}: ${form}`)
        // Not even a part of it.
        for (let at = 0; at + 16 <= text.length; at += 8)
          assert.equal(has(streams, Buffer.from(text.slice(at, at + 16))), false, `${what}: from ${at}`)
        for (const stream of streams)
          for (const content of unpacked(stream)) assert.equal(content.includes(text), false, `${what}: packed`)
      }
      assert.equal(has(streams, Buffer.from('filling filling ')), false)
      // In from the connector, out to the agent: twice over loopback, plus TLS.
      assert.ok(volume(streams) >= 2 * FILLING_BYTES, `${volume(streams)} bytes were captured`)
      assert.ok(
        streams.some((stream) => stream.includes('.flow.sallyport.localhost')),
        'the ticket is there in clear, as documented',
      )
      assert.ok((await flows()).length > 0, 'control knows of the flow')
    })
  },
)
