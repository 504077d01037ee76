// Uploads that trickle, and uploads with trailers.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { ManualClock } from './coarse-clock.ts'
import { uploadBody } from './upload-body.ts'

const window = caps.uploadWindowMs.default

function setUp() {
  const clock = new ManualClock()
  const request = new PassThrough()
  const body = uploadBody(request, clock)
  const failed = new Promise((resolve) => body.once('close', () => resolve(body.errored)))
  return { clock, request, body, failed }
}

test('an upload that trickles is ended, and its client can still be answered', async () => {
  const { clock, request, body, failed } = setUp()
  body.resume()
  for (let each = 0; each < 4; each++) {
    request.write('a')
    await new Promise(setImmediate)
    clock.advance(window / 4)
  }
  assert.ok(isFault(await failed, 'request-timeout'))
  assert.equal(request.destroyed, false)
  assert.equal(clock.watcherCount, 0)
})

test('a slow line is no trickle, and an app that does not read is not the fault of the client', async () => {
  const { clock, request, body } = setUp()
  const seen: Buffer[] = []
  body.on('data', (chunk: Buffer) => seen.push(chunk))
  for (let each = 0; each < 3; each++) {
    request.write(Buffer.alloc(caps.uploadWindowBytes.default))
    await new Promise(setImmediate)
    clock.advance(window)
  }
  body.pause()
  // More than both buffers hold: from here on it is the app that keeps us.
  for (let each = 0; each < 8; each++) request.write(Buffer.alloc(64 * 1024))
  await new Promise(setImmediate)
  for (let each = 0; each < 5; each++) clock.advance(window)
  assert.equal(body.destroyed, false)
  body.resume()
  request.end()
  await once(body, 'end')
  assert.equal(Buffer.concat(seen).length, 3 * caps.uploadWindowBytes.default + 8 * 64 * 1024)
  body.destroy()
  assert.equal(clock.watcherCount, 0)
})
