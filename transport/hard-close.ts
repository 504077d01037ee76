// Ends a connection without a goodbye, so that the peer cannot take a cut for a normal end. Must never wait, never
// leave a socket open because resetting it failed, and never reset TCP away from under TLS that still uses it.
import type { Http2Stream } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

/** Resets TCP, also below TLS: an end of TLS without close_notify reads as a plain end to most programs. */
export function hardClose(stream: Duplex): void {
  if (stream.destroyed) return
  // A stream of HTTP/2 is reset by itself; the connection under it is others' too.
  if (isHttp2Stream(stream)) stream.close(CANCEL)
  const tcp = lowestSocket(stream)
  // Node's own mark for a reset: the stream above lets go of the socket first, which is then reset instead of closed.
  // `resetAndDestroy()` below TLS takes the socket from a TLS stream in use, which crashes Node 26 (tested).
  if (canBeReset(tcp) && !isEnding(stream) && !isEnding(tcp)) Object.assign(tcp, { resetAndClosing: true })
  stream.destroy()
}

/** RFC 9113, 7: what a peer does not take for the end of what was said. */
const CANCEL = 0x8

function isHttp2Stream(stream: Duplex): stream is Http2Stream {
  return 'rstCode' in stream && 'close' in stream
}

/** Node keeps the socket below TLS in a field of its own; should that go, a cut becomes a close (tested). */
function lowestSocket(stream: Duplex): Duplex {
  const below = stream instanceof TLSSocket && '_parent' in stream ? stream._parent : undefined
  return below instanceof Socket ? lowestSocket(below) : stream
}

/** Only TCP has a reset: pipes, TLS that dialled by itself and streams made of others can merely be closed. */
function canBeReset(socket: Duplex): boolean {
  if (socket.destroyed || !(socket instanceof Socket) || !('_handle' in socket)) return false
  const handle: unknown = socket._handle
  return typeof handle === 'object' && handle !== null && 'reset' in handle && typeof handle.reset === 'function'
}

/**
 * All was written and the goodbye is on its way out: libuv refuses a reset now (EINVAL) and would leave the socket
 * open. The peer has been sent everything, so that a close tells it nothing wrong.
 */
function isEnding(stream: Duplex): boolean {
  return stream.writableEnded && stream.writableLength === 0 && !stream.writableFinished
}
