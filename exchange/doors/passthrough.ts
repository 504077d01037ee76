// Portal, sign-in, console and API: their connections go to control untouched, with a PROXY header in front. Must never
// end their TLS: an exchange sees no password, passkey or administrator's cookie.
import { connect, type Socket } from 'node:net'
import { encodeProxyHeader } from '#transport/proxy-protocol.ts'
import { relay } from '#transport/relay.ts'
import { refuseTls } from '#transport/tls-alert.ts'
import { Fault } from '#core/fault.ts'
import type { Incoming } from '#exchange/accept.ts'
import { caps } from '#exchange/caps.ts'
import type { Endpoint } from '#exchange/config.ts'

export type Passthrough = {
  readonly enter: (incoming: Incoming) => void
  readonly count: number
  readonly destroy: () => void
}

export function createPassthrough(control: Endpoint, onFailed: (fault: Fault) => void): Passthrough {
  const live = new Set<Socket>()

  return {
    get count() {
      return live.size
    },
    enter(incoming) {
      if (live.size >= caps.passthrough.default) return refuseTls(incoming.socket, 'internalError')
      const upstream = connect({ ...control, allowHalfOpen: true, noDelay: true, keepAlive: true })
      live.add(incoming.socket)
      incoming.socket.once('close', () => {
        live.delete(incoming.socket)
        // A client that left before control answered leaves nothing behind.
        if (upstream.connecting) upstream.destroy()
      })
      const timer = setTimeout(() => fail(new Fault('control-unreachable')), caps.feedDialMs.default)
      const fail = (cause: Error) => {
        clearTimeout(timer)
        upstream.destroy()
        live.delete(incoming.socket)
        refuseTls(incoming.socket, 'internalError')
        onFailed(cause instanceof Fault ? cause : new Fault('control-unreachable', { cause }))
      }
      upstream.once('error', fail)
      upstream.once('close', () => clearTimeout(timer))
      upstream.once('connect', () => {
        clearTimeout(timer)
        upstream.off('error', fail)
        upstream.write(
          encodeProxyHeader({
            kind: 'proxied',
            sourceAddress: incoming.clientIp,
            sourcePort: incoming.clientPort,
            destinationAddress: incoming.localIp,
            destinationPort: incoming.localPort,
          }),
        )
        incoming.socket.unshift(incoming.bytes)
        relay(incoming.socket, upstream, { onEnd: () => {} })
      })
    },
    destroy() {
      for (const socket of live) socket.destroy()
    },
  }
}
