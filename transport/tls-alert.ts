// Says why a TLS connection is refused before any server speaks TLS on it, so that clients show the real reason.
// Must never be sent on a connection on which a handshake was already answered.
import type { Duplex } from 'node:stream'

const descriptions = {
  handshakeFailure: 40,
  decodeError: 50,
  accessDenied: 49,
  internalError: 80,
  unrecognizedName: 112,
} as const

/** Sends one fatal alert and closes. The socket is destroyed when the peer does not close in return. */
export function refuseTls(socket: Duplex, why: keyof typeof descriptions, deadlineMs = 1000): void {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), deadlineMs)
  socket.once('close', () => clearTimeout(timer))
  socket.on('error', () => {})
  socket.on('end', () => socket.destroy())
  socket.end(Buffer.from([21, 3, 3, 0, 2, 2, descriptions[why]]))
  // Unread bytes would turn our close into a reset, which can overtake the alert.
  socket.resume()
}
