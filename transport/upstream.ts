// A pool of connections to one app, over whatever a dial function returns: plain TCP, TLS, a flow through a connector.
// Must never share a connection between apps, tenants or users that the caller wants apart: one pool each.
import type { Socket } from 'node:net'
import { Pool, type buildConnector, type Dispatcher } from 'undici'
import { caps } from './caps.ts'

export type UpstreamConfig = {
  /** Names the app in errors only; nothing is resolved from it. */
  readonly origin: `http://${string}`
  readonly maxConnections: number
  readonly keepAliveMs?: number
}

/** `connect` returns a socket that speaks HTTP/1.1 in clear from our side (TLS, if any, is the socket's own affair). */
export function startUpstream(config: UpstreamConfig, deps: { readonly connect: () => Promise<Socket> }): Dispatcher {
  return new Pool(config.origin, {
    connections: config.maxConnections,
    // Answers to pipelined requests can be mixed up by a bad upstream: one at a time.
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: config.keepAliveMs ?? 10_000,
    maxHeaderSize: caps.headerBytes.default,
    headersTimeout: caps.upstreamHeadMs.default,
    bodyTimeout: caps.upstreamIdleMs.default,
    connect: (_options, callback) => void dialFor(callback, deps.connect),
  })
}

async function dialFor(callback: buildConnector.Callback, connect: () => Promise<Socket>): Promise<void> {
  let socket: Socket
  try {
    socket = await connect()
  } catch (error) {
    callback(error instanceof Error ? error : new Error('dial failed'), null)
    return
  }
  callback(null, socket)
}
