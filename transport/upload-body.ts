// HOT PATH. A request's body as a stream of its own. Must never take the client's connection down with it: an upstream
// that fails during an upload still owes the client an answer. Nor wait for ever for a client that trickles.
import { Readable } from 'node:stream'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { sharedClock, type CoarseClock } from './coarse-clock.ts'

type Upload = Readable & { readonly rawTrailers?: readonly string[] | undefined }

/**
 * Destroying the body discards the rest of the upload; a client that goes destroys the body. It fails with
 * `request-timeout` when less than a window's bytes come in a window in which we were ready for more, and with
 * `request-malformed` before its end when trailers follow: there is no way to hand them on.
 */
export function uploadBody(request: Upload, clock: CoarseClock = sharedClock): Readable {
  let windowFromMs = clock.nowMs
  let windowBytes = 0
  let wasFull = false
  const onData = (chunk: Buffer) => {
    windowBytes += chunk.length
    if (body.push(chunk)) return
    // While the upstream does not take what there is, the client is not to blame.
    wasFull = true
    request.pause()
  }
  const onEnd = () => {
    if ((request.rawTrailers?.length ?? 0) === 0) return void body.push(null)
    body.destroy(new Fault('request-malformed', { hint: 'Trailers of a request are not carried on.' }))
  }
  const onGone = () => {
    if (!request.readableEnded) body.destroy(new Error('client gone'))
  }
  const ticking = {
    onTick(nowMs: number) {
      if (nowMs - windowFromMs < caps.uploadWindowMs.default) return
      const isSlow = !wasFull && windowBytes < caps.uploadWindowBytes.default
      windowFromMs = nowMs
      windowBytes = 0
      wasFull = request.isPaused()
      if (isSlow) body.destroy(new Fault('request-timeout', { hint: 'The upload is too slow.' }))
    },
  }
  const body = new Readable({
    read: () => void request.resume(),
    destroy(error, callback) {
      clock.unwatch(ticking)
      request.off('data', onData).off('end', onEnd).off('close', onGone)
      if (!request.destroyed) request.resume()
      callback(error)
    },
  })
  body.on('error', () => {})
  request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone)
  clock.watch(ticking)
  request.pause()
  return body
}
