// One flow: the parked socket becomes TLS with the peer of the grant, the app is dialled meanwhile, one status line
// is sent, then bytes are relayed. Must never relay a byte before both have succeeded.
import type { Socket } from 'node:net'
import { asFault, Fault } from '#core/fault.ts'
import type { FlowStatus } from '#core/wire/link.ts'
import { hardClose } from '#transport/hard-close.ts'
import { relay, type Relay } from '#transport/relay.ts'
import { caps } from './caps.ts'
import type { PeerHandshakes } from './peer-handshake.ts'
import type { DialUpstream } from './upstream.ts'
import type { VerifiedGrant } from './verify-grant.ts'

export type FlowFacts = {
  readonly flowId: string
  readonly sessionId: string
  readonly deviceId: string | null
  readonly appId: string
  readonly exchangeId: string
}

export type FlowEnd = {
  /** `finished`, `idle`, `reset`, the reason of a cut, or the code of what went wrong before. */
  readonly reason: string
  readonly bytesFromPeer: number
  readonly bytesFromApp: number
}

export type FlowDeps = {
  readonly handshakes: PeerHandshakes
  readonly dial: DialUpstream
  /** What the peer took to prove itself and the app to take the connection, in ms. */
  readonly onOpen: (took: { readonly handshakeMs: number; readonly appMs: number }) => void
  readonly onEnd: (end: FlowEnd) => void
  readonly onFailure: (fault: Fault) => void
}

export class Flow {
  readonly facts: FlowFacts
  readonly #deps: FlowDeps
  readonly #abort = new AbortController()
  readonly #parked: Socket
  #secured: Socket | undefined
  #relay: Relay | undefined
  #cutReason: string | undefined

  constructor(parked: Socket, verified: VerifiedGrant, deps: FlowDeps) {
    const { grant, statement } = verified
    this.#parked = parked
    this.#deps = deps
    this.facts = {
      flowId: grant.flowId,
      sessionId: statement.sessionId,
      deviceId: statement.deviceId,
      appId: grant.appId,
      exchangeId: grant.exchangeId,
    }
    void this.#run(verified)
  }

  /** Ends both sides now. */
  cut(reason: string): void {
    if (this.#cutReason !== undefined) return
    this.#cutReason = reason
    this.#abort.abort()
    if (this.#relay !== undefined) this.#relay.cut(reason)
    else hardClose(this.#secured ?? this.#parked)
  }

  async #run(verified: VerifiedGrant): Promise<void> {
    const { signal } = this.#abort
    const startedMs = performance.now()
    const { grant, statement, app, port } = verified
    const { keyThumbprint, kind } = grant.peer
    const peer =
      kind === 'device'
        ? { role: 'device' as const, owner: grant.tenantId, id: statement.deviceId ?? '', keyThumbprint }
        : { role: 'exchange' as const, owner: 'provider', id: grant.exchangeId, keyThumbprint }
    // The app is dialled while the peer proves itself; a peer that does not costs the app one empty connection.
    const dialling = this.#deps.dial(app, port, signal, caps.upstreamDialMs.default).then(
      (socket) => ({ kind: 'open' as const, socket, appMs: performance.now() - startedMs }),
      (error: unknown) => ({ kind: 'failed' as const, fault: asFault(error) }),
    )
    try {
      const secured = await this.#deps.handshakes.accept(this.#parked, peer, signal)
      this.#secured = secured
      const handshakeMs = performance.now() - startedMs
      const upstream = await dialling
      if (upstream.kind === 'failed') {
        secured.end(statusLine(upstream.fault))
        secured.resume()
        throw upstream.fault
      }
      if (signal.aborted || secured.destroyed) {
        hardClose(upstream.socket)
        secured.destroy()
        throw new Fault('closing')
      }
      secured.write(statusLine())
      this.#relay = relay(secured, upstream.socket, {
        onEnd: (end, bytesFromPeer, bytesFromApp) =>
          this.#deps.onEnd({ reason: end.kind === 'cut' ? end.reason : end.kind, bytesFromPeer, bytesFromApp }),
      })
      // An app that said goodbye before the relay listened has said it already.
      if (upstream.socket.readableEnded) secured.end()
      if (secured.readableEnded) upstream.socket.end()
      this.#deps.onOpen({ handshakeMs: rounded(handshakeMs), appMs: rounded(upstream.appMs) })
    } catch (error) {
      this.#abort.abort()
      void dialling.then((late) => {
        if (late.kind === 'open') hardClose(late.socket)
      })
      if (this.#cutReason !== undefined) {
        this.#deps.onEnd({ reason: this.#cutReason, bytesFromPeer: 0, bytesFromApp: 0 })
      } else this.#deps.onFailure(asFault(error))
    }
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}

function statusLine(fault?: Fault): string {
  const status: FlowStatus =
    fault === undefined
      ? { status: 'open' }
      : { status: 'failed', code: fault.code, message: fault.message.slice(0, 300) }
  return `${JSON.stringify(status)}\n`
}
