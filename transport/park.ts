// The connector's side of parking: dial the exchange, say the token, wait. Must never say anything after the preface
// until it is spoken to: the next bytes on this socket belong to a flow.
import type { Socket } from 'node:net'
import { Fault } from '#core/fault.ts'
import { dial, type DialOptions, type DialTarget } from './dial.ts'

export const PARK_PREFACE = 'SALLYPORT-PARK/1 '

/** A connected socket whose preface is written. Throws what `dial` throws. */
export async function park(address: DialTarget, token: string, options: DialOptions = {}): Promise<Socket> {
  if (!/^[A-Za-z0-9_-]{16,100}$/.test(token)) throw new Fault('token-invalid')
  const socket = await dial(address, options)
  socket.write(`${PARK_PREFACE}${token}\n`)
  return socket
}

/**
 * True when the parked socket is spoken to: hand it to the TLS server now, not before, as that allows a client only
 * a short time for its handshake. False when it closed instead. Nothing is read.
 */
export function untilSpokenTo(socket: Socket): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const settle = (isSpokenTo: boolean) => {
    socket.off('readable', onReadable).off('close', onGone)
    if (isSpokenTo) socket.off('error', onGone)
    else socket.destroy()
    resolve(isSpokenTo)
  }
  const onReadable = () => settle(socket.readableLength > 0)
  const onGone = () => settle(false)
  socket.on('readable', onReadable).on('close', onGone).on('error', onGone)
  if (socket.destroyed) onGone()
  return promise
}
