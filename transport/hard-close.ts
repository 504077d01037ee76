// Ends a connection without a goodbye, so that the peer cannot take a cut for a normal end. Must never wait, and
// never leave a socket open because resetting it failed.
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

/** Resets TCP, also below TLS: an end of TLS without close_notify reads as a plain end to most programs. */
export function hardClose(stream: Duplex): void {
  if (stream.destroyed) return
  const tcp = stream instanceof TLSSocket ? tcpBelow(stream) : stream
  try {
    if (tcp instanceof Socket && !tcp.destroyed) tcp.resetAndDestroy()
  } catch {
    // Not TCP (a pipe, TLS within TLS): closing is all there is.
  }
  stream.destroy()
}

/** Node keeps the socket below TLS in a field of its own; should that go, a cut becomes a close (tested). */
function tcpBelow(socket: TLSSocket): unknown {
  return '_parent' in socket ? socket._parent : undefined
}
