// HOT PATH. A request's body as a stream of its own. Must never take the client's connection down with it: an upstream
// that fails during an upload still owes the client an answer.
import { Readable } from 'node:stream'

/** Destroying the body discards the rest of the upload; a client that goes destroys the body. */
export function uploadBody(request: Readable): Readable {
  const onData = (chunk: Buffer) => {
    if (!body.push(chunk)) request.pause()
  }
  const onEnd = () => body.push(null)
  const onGone = () => {
    if (!request.readableEnded) body.destroy(new Error('client gone'))
  }
  const body = new Readable({
    read: () => void request.resume(),
    destroy(error, callback) {
      request.off('data', onData).off('end', onEnd).off('close', onGone)
      if (!request.destroyed) request.resume()
      callback(error)
    },
  })
  body.on('error', () => {})
  request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone)
  request.pause()
  return body
}
