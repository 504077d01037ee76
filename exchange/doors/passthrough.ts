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
import { createSourceLimits } from '#exchange/flows/source-limits.ts'

export type Passthrough = {
  readonly enter: (incoming: Incoming) => void
  readonly count: number
  readonly destroy: () => void
}

export type PassthroughCaps = { readonly perSource: number; readonly total: number; readonly answerMs: number }

const defaultLimits: PassthroughCaps = {
  perSource: caps.passthroughPerSource.default,
  total: caps.passthrough.default,
  answerMs: caps.passthroughAnswerMs.default,
}

export function createPassthrough(
  control: Endpoint,
  onFailed: (fault: Fault) => void,
  limits = defaultLimits,
): Passthrough {
  const live = new Set<Socket>()
  const places = createSourceLimits(limits)

  return {
    get count() {
      return live.size
    },
    enter(incoming) {
      // It may have gone while its first bytes were read; its `close` would not be heard any more.
      if (incoming.socket.destroyed) return
      if (!places.admit(incoming.clientIp)) return refuseTls(incoming.socket, 'internalError')
      let handshake: NodeJS.Timeout | undefined
      const upstream = connect({ ...control, allowHalfOpen: true, noDelay: true, keepAlive: true })
      live.add(incoming.socket)
      incoming.socket.once('close', () => {
        live.delete(incoming.socket)
        places.release(incoming.clientIp)
        clearTimeout(handshake)
        // A client that left before control answered leaves nothing behind.
        if (upstream.connecting) upstream.destroy()
      })
      const timer = setTimeout(() => fail(new Fault('control-unreachable')), caps.feedDialMs.default)
      const fail = (cause: Error) => {
        clearTimeout(timer)
        upstream.destroy()
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
        const through = relay(incoming.socket, upstream, {
          onEnd: () => {},
          idleTimeoutMs: caps.passthroughIdleMs.default,
        })
        handshake = setTimeout(() => {
          // A hello alone holds no place: control must have answered it, and the client gone on.
          if (through.bytesBtoA === 0 || through.bytesAtoB <= incoming.bytes.length) through.cut('no handshake')
        }, limits.answerMs)
      })
    },
    destroy() {
      for (const socket of live) socket.destroy()
    },
  }
}
