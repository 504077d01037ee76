// Carries the HTTP door's requests over flows, with a few connections kept for each app. Apart from the door because
// it brings an HTTP client of 10 MB, which an agent that only tunnels never needs. Must never mix two apps' connections.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { HeaderFields } from '#transport/forward-headers.ts'
import { forward, type ForwardEnd } from '#transport/http-forward.ts'
import { forwardUpgrade, type UpgradeResult } from '#transport/upgrade-forward.ts'
import { startUpstream } from '#transport/upstream.ts'
import { caps } from './caps.ts'
import { faultOfDenial, type FlowOpener } from './flow-opener.ts'
import type { Target } from './target.ts'

/** Apps that programs speak to at the same time through one door; more than any person uses. */
const MAX_UPSTREAMS = 256

/** `body` null: there is none, which also lets a request be sent again after it was read. */
type Passed = { readonly path: string; readonly headers: HeaderFields; readonly body?: null }

export class HttpUpstreams {
  readonly #opener: FlowOpener
  readonly #upstreams = new Map<string, Dispatcher>()

  constructor(opener: FlowOpener) {
    this.#opener = opener
  }

  request(request: IncomingMessage, response: ServerResponse, target: Target, passed: Passed): Promise<ForwardEnd> {
    const method = request.method ?? 'GET'
    return forward(request, response, { dispatcher: this.#of(target), method, ...passed })
  }

  upgrade(
    request: IncomingMessage,
    socket: Socket,
    first: Buffer,
    target: Target,
    passed: Omit<Passed, 'body'>,
  ): Promise<UpgradeResult> {
    return forwardUpgrade(request, socket, first, { dispatcher: this.#of(target), ...passed, onEnd: () => {} })
  }

  close(): void {
    for (const upstream of this.#upstreams.values()) upstream.destroy().catch(() => {})
    this.#upstreams.clear()
  }

  #of(target: Target): Dispatcher {
    const key = `${target.host} ${target.port}`
    const known = this.#upstreams.get(key)
    if (known !== undefined) {
      this.#upstreams.delete(key)
      this.#upstreams.set(key, known)
      return known
    }
    this.#forgetOldest()
    const upstream = startUpstream(
      { origin: 'http://app.invalid', maxConnections: 64, keepAliveMs: caps.flowIdleMs.default },
      {
        connect: async () => {
          const opened = await this.#opener.open(target.host, target.port, 'http')
          if (opened.kind === 'refused') throw faultOfDenial(opened.denial)
          return opened.socket
        },
      },
    )
    this.#upstreams.set(key, upstream)
    return upstream
  }

  /** Names and ports are the asker's to choose: the one used longest ago makes room, and ends when it is idle. */
  #forgetOldest(): void {
    if (this.#upstreams.size < MAX_UPSTREAMS) return
    const [oldest] = this.#upstreams
    if (oldest === undefined) return
    this.#upstreams.delete(oldest[0])
    oldest[1].close().catch(() => {})
  }
}
