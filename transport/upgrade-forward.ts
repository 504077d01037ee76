// Forwards a WebSocket: asks the upstream, proves that it really agreed, then relays bytes. Must never open a raw
// tunnel on an answer that is not a verified 101: whatever the client sends next would be requests nobody checked.
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import type { CoarseClock } from './coarse-clock.ts'
import { endToEnd, fieldsOf, flat, http2Fields, type HeaderFields } from './forward-headers.ts'
import { hardClose } from './hard-close.ts'
import { relay, type Relay, type RelayOptions } from './relay.ts'
import { faultOfUpstream } from './upstream-fault.ts'

export type UpgradeOptions = RelayOptions & {
  readonly dispatcher: Dispatcher
  readonly path: string
  readonly headers: HeaderFields
  /** Until the relay runs; from then on `relay.cut`. */
  readonly signal?: AbortSignal | undefined
  readonly onHead?: ((head: { readonly status: number; readonly headers: HeaderFields }) => HeaderFields) | undefined
  readonly clock?: CoarseClock
  /** Takes the upstream's socket once both sides agreed, and gives what the client is joined to instead. */
  readonly between?: ((upstream: Socket) => Duplex) | undefined
}

/** `refused`: nothing was sent to the client, which is still open; the caller answers with a plain response. */
export type UpgradeResult =
  | { readonly kind: 'relaying'; readonly relay: Relay }
  | { readonly kind: 'refused'; readonly fault: Fault; readonly upstreamStatus: number | undefined }
  | { readonly kind: 'client-gone' }

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** From a server's `upgrade` event. `onEnd` is called only after `relaying`. */
export async function forwardUpgrade(
  request: IncomingMessage,
  client: Socket,
  first: Buffer,
  options: UpgradeOptions,
): Promise<UpgradeResult> {
  const key = webSocketKey(request)
  if (key === undefined) return { kind: 'refused', fault: new Fault('request-malformed'), upstreamStatus: undefined }
  return opened(client, options, key, (fields) => {
    client.write(`HTTP/1.1 101 Switching Protocols\r\n${headText(fields, options)}\r\n`, 'latin1')
    if (first.length > 0) client.unshift(first)
  })
}

async function opened(
  client: Duplex,
  options: UpgradeOptions,
  key: string,
  agree: (fields: HeaderFields) => void,
): Promise<UpgradeResult> {
  const gone = new AbortController()
  const onGone = () => gone.abort(new Fault('closing'))
  client.on('close', onGone).on('error', onGone)
  try {
    const signal = options.signal === undefined ? gone.signal : AbortSignal.any([gone.signal, options.signal])
    const answer = await ask(options, signal, key)
    if (client.destroyed) {
      hardClose(answer.socket)
      return { kind: 'client-gone' }
    }
    try {
      agree(answer.headers)
    } catch (error) {
      hardClose(answer.socket)
      throw error
    }
    client.off('close', onGone).off('error', onGone)
    return {
      kind: 'relaying',
      relay: relay(client, options.between?.(answer.socket) ?? answer.socket, options, options.clock),
    }
  } catch (error) {
    if (client.destroyed) return { kind: 'client-gone' }
    const fault = faultOfUpstream(error)
    const { upstreamStatus } = fault.detail
    return { kind: 'refused', fault, upstreamStatus: typeof upstreamStatus === 'number' ? upstreamStatus : undefined }
  }
}

/**
 * From a request that asks for a WebSocket over HTTP/2 (RFC 8441): its stream becomes the connection, and the app is asked
 * as any WebSocket client would, with a key of ours. `onEnd` is called only after `relaying`.
 */
export async function forwardExtendedConnect(
  { stream, headers }: Pick<Http2ServerRequest, 'headers'> & { readonly stream: ServerHttp2Stream },
  options: UpgradeOptions,
): Promise<UpgradeResult> {
  const isAsked = headers[':protocol'] === 'websocket' && headers['sec-websocket-version'] === '13'
  const hasForeign = headers['sec-websocket-key'] !== undefined || headers['content-length'] !== undefined
  if (!isAsked || hasForeign) {
    return { kind: 'refused', fault: new Fault('request-malformed'), upstreamStatus: undefined }
  }
  const key = randomBytes(16).toString('base64')
  const asked = { ...options, headers: [...options.headers, ['sec-websocket-key', key] as const] }
  return opened(stream, asked, key, (fields) => {
    // Agreed on at the connector's side of us; HTTP/2 has no such fields.
    const passed = passedHead(fields, options).filter(([name]) => name !== 'sec-websocket-accept')
    const groups = http2Fields(passed)
    if (groups === undefined) throw new Fault('upstream-malformed', { detail: { why: 'a field says two things' } })
    stream.respond({ ':status': 200, ...groups })
  })
}

type Answer = { readonly headers: HeaderFields; readonly socket: Socket }

function ask(options: UpgradeOptions, signal: AbortSignal, key: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  let controller: Dispatcher.DispatchController | undefined
  const onAbort = () => {
    controller?.abort(new Fault('closing'))
    reject(new Fault('closing'))
  }
  const settle = () => signal.removeEventListener('abort', onAbort)
  const refuse = (fault: Fault) => {
    settle()
    reject(fault)
  }
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(started) {
      controller = started
      if (signal.aborted) started.abort(new Fault('closing'))
    },
    onRequestUpgrade(_controller, status, headers, socket) {
      settle()
      const tcp = socket as Socket
      tcp.on('error', () => {})
      const accepted = createHash('sha1')
        .update(key + WEBSOCKET_GUID)
        .digest('base64')
      const isAgreed =
        status === 101 &&
        one(headers['upgrade']).toLowerCase() === 'websocket' &&
        /(^|,)\s*upgrade\s*(,|$)/i.test(one(headers['connection'])) &&
        headers['sec-websocket-accept'] === accepted
      if (isAgreed && !signal.aborted) return resolve({ headers: fieldsOfAnswer(headers), socket: tcp })
      hardClose(tcp)
      reject(new Fault('upstream-malformed', { detail: { why: 'upgrade not agreed', upstreamStatus: status } }))
    },
    onResponseStart(started, status) {
      if (status < 200) return
      refuse(new Fault('upstream-unreachable', { detail: { why: 'upgrade refused', upstreamStatus: status } }))
      started.abort(new Error('upgrade refused'))
    },
    onResponseData() {},
    onResponseEnd() {},
    onResponseError: (_controller, error) => refuse(faultOfUpstream(error)),
  }
  if (signal.aborted) onAbort()
  else {
    signal.addEventListener('abort', onAbort)
    const headers = flat(endToEnd(options.headers))
    const headersTimeout = caps.upstreamHeadMs.default
    const { path } = options
    options.dispatcher.dispatch({ method: 'GET', path, headers, upgrade: 'websocket', headersTimeout }, handler)
  }
  return promise
}

/** The key of a request that asks for a WebSocket in good form (RFC 6455, 4.1) and has no body. */
function webSocketKey(request: IncomingMessage): string | undefined {
  const { headers } = request
  const isAsked =
    request.method === 'GET' &&
    request.httpVersion === '1.1' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    /(^|,)\s*upgrade\s*(,|$)/i.test(headers.connection ?? '') &&
    headers['sec-websocket-version'] === '13'
  // A body would be left lying in front of the frames, to be read as one of them.
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
  const key = headers['sec-websocket-key'] ?? ''
  return isAsked && !hasBody && /^[A-Za-z0-9+/]{22}==$/.test(key) ? key : undefined
}

/** A field that may stand once only; repeated it is nobody's. */
function one(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : ''
}

function fieldsOfAnswer(headers: Readonly<Record<string, string | string[] | undefined>>): HeaderFields {
  const pairs = Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, one]))
  return endToEnd(fieldsOf(pairs))
}

function headText(fields: HeaderFields, options: UpgradeOptions): string {
  const lines = [['Upgrade', 'websocket'], ['Connection', 'Upgrade'], ...passedHead(fields, options)]
  return lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
}

function passedHead(fields: HeaderFields, options: UpgradeOptions): HeaderFields {
  const passed = options.onHead?.({ status: 101, headers: fields }) ?? fields
  // The upstream's fields went through a strict parser, but `onHead` is other code: no line break passes here.
  return passed.filter(([name, value]) => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value))
}
