// HOT PATH. Forwards one HTTP request to an upstream and its response back, streaming both ways. Must never buffer a
// body, end a truncated response as if it were whole, or pass connection headers on.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import {
  endToEnd,
  flat,
  grouped,
  http2Fields,
  safeTrailers,
  type HeaderField,
  type HeaderFields,
} from './forward-headers.ts'
import type { ResponseScan } from './response-scan.ts'
import { uploadBody } from './upload-body.ts'
import { faultOfUpstream } from './upstream-fault.ts'

export type ForwardHead = { readonly status: number; readonly headers: HeaderFields }

export type ForwardOptions = {
  readonly dispatcher: Dispatcher
  readonly method: string
  /** Origin form, as it is to be sent. */
  readonly path: string
  /**
   * What the upstream is to see, Host included; connection headers are taken out here. Whoever adds fields of its own
   * puts the client's through `endToEnd` first: else the client's Connection would name ours too.
   */
  readonly headers: HeaderFields
  /** Aborting cuts both sides. */
  readonly signal?: AbortSignal | undefined
  /** Called before the head is passed on; returns the headers to pass on. Throwing refuses the response. */
  readonly onHead?: ((head: ForwardHead) => HeaderFields) | undefined
  /** Sent instead of the request's own body, which was read already; null: none. */
  readonly body?: Readable | null
  /** For upstreams that speak HTTP/2: gRPC servers want to hear `te: trailers`. */
  readonly keepTe?: boolean
  /** Looks at the response's body while it passes; `undefined`: this one is not looked at. */
  readonly scan?: ((head: ForwardHead) => ResponseScan | undefined) | undefined
  readonly headTimeoutMs?: number
  /** Longest silence within a body; 0: none. */
  readonly idleTimeoutMs?: number
}

/** `unanswered`: nothing was sent to the client yet, so the caller answers. Else the response is over or destroyed. */
export type ForwardEnd =
  | { readonly kind: 'done'; readonly status: number; readonly requestBytes: number; readonly responseBytes: number }
  | { readonly kind: 'unanswered'; readonly fault: Fault }
  | { readonly kind: 'truncated'; readonly fault: Fault; readonly status: number }
  | { readonly kind: 'client-gone' }

type AnyRequest = IncomingMessage | Http2ServerRequest
type AnyResponse = ServerResponse | Http2ServerResponse

export function forward(request: AnyRequest, response: AnyResponse, options: ForwardOptions): Promise<ForwardEnd> {
  const forwarding = new Forwarding(request, response, options)
  return forwarding.start()
}

class Forwarding implements Dispatcher.DispatchHandler {
  readonly #request: AnyRequest
  readonly #response: AnyResponse
  readonly #options: ForwardOptions
  readonly #end = Promise.withResolvers<ForwardEnd>()
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #requestBytes = 0
  #responseBytes = 0
  #isOver = false
  #scan: ResponseScan | undefined
  #heldHead: HeaderFields | undefined
  #patience: NodeJS.Timeout | undefined

  constructor(request: AnyRequest, response: AnyResponse, options: ForwardOptions) {
    this.#request = request
    this.#response = response
    this.#options = options
  }

  start(): Promise<ForwardEnd> {
    const { dispatcher, method, path, headers, body, keepTe, signal, headTimeoutMs, idleTimeoutMs } = this.#options
    this.#response.on('close', this.#onClientClose)
    this.#response.on('error', this.#onClientClose)
    this.#response.on('drain', this.#onDrain)
    if (signal?.aborted === true) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort)
    if (this.#isOver) return this.#end.promise
    // A request whose body was read already is over, which says nothing about the client.
    const isGone = body === undefined && this.#request.destroyed
    if (this.#response.destroyed || isGone) this.#onClientClose()
    try {
      // Announced, so that it can be said before the app has seen anything (gRPC and browsers send none).
      if (body === undefined && this.#request.headers.trailer !== undefined) {
        throw new Fault('request-malformed', { hint: 'Trailers of a request are not carried on.' })
      }
      // Node's server has answered `Expect: 100-continue` itself by now.
      const fields = endToEnd(headers).filter(([name]) => name !== 'expect')
      if (keepTe === true && headers.some(([name, value]) => name === 'te' && value === 'trailers')) {
        fields.push(['te', 'trailers'])
      }
      const options = {
        method,
        path,
        headers: flat(fields),
        body: body !== undefined ? body : hasBody(this.#request) ? uploadBody(this.#request) : null,
        headersTimeout: headTimeoutMs ?? caps.upstreamHeadMs.default,
        bodyTimeout: idleTimeoutMs ?? caps.upstreamIdleMs.default,
      }
      if (!this.#isOver) dispatcher.dispatch(options, this)
    } catch (error) {
      this.#fail(faultOfUpstream(error))
    }
    return this.#end.promise
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // The client left, or was cut, while the request waited for a connection.
    if (this.#isOver) controller.abort(new Error('over'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#isOver) return
    if (status < 200) return this.#passInformation(status, upstreamFields(controller.rawHeaders))
    const fields = endToEnd(upstreamFields(controller.rawHeaders))
    const passed = this.#options.onHead?.({ status, headers: fields }) ?? fields
    this.#status = status
    this.#scan = this.#options.scan?.({ status, headers: fields })
    if (this.#scan === undefined) return this.#writeHead(passed)
    this.#heldHead = passed
    this.#patience = setTimeout(() => {
      this.#sendHeldHead()
      if (!this.#isOver && !isHttp2(this.#response)) this.#response.flushHeaders()
    }, this.#scan.patienceMs)
  }

  #writeHead(passed: HeaderFields): void {
    const status = this.#status
    if (isHttp2(this.#response)) {
      const groups = http2Fields(passed)
      // What Node finds wrong by itself would stay in the response, and be found again in our answer.
      if (groups === undefined) throw new Fault('upstream-malformed', { detail: { why: 'a field says two things' } })
      this.#response.writeHead(status, groups)
    } else {
      // Whether the connection to the client stays open is between it and us.
      this.#response.writeHead(status, flat(passed))
      // Most heads come with the first bytes of their body and go out with them in one write: writes of their own were
      // 5 % of an exchange busy with small answers. Server-sent events and long polls: the head waits for this turn of the loop, not for a body.
      setImmediate(() => this.#flushHead())
    }
  }

  #flushHead(): void {
    if (this.#isOver || this.#responseBytes > 0 || isHttp2(this.#response)) return
    this.#response.flushHeaders()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return
    this.#responseBytes += chunk.length
    if (this.#scan !== undefined) return this.#scanData(this.#scan, controller, chunk)
    // One signature at run time, two in the types.
    const hasRoom = isHttp2(this.#response) ? this.#response.write(chunk) : this.#response.write(chunk)
    if (!hasRoom) controller.pause()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) return
    const trailers = safeTrailers(upstreamFields(controller.rawTrailers))
    if (this.#scan === undefined) this.#finish(trailers)
    else this.#scanEnd(this.#scan, trailers)
  }

  #finish(trailers: HeaderFields): void {
    this.#addTrailers(trailers)
    this.#response.end()
    // `close` comes when the client has it all, or has gone.
    this.#settle({
      kind: 'done',
      status: this.#status,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
    })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(faultOfUpstream(error))
  }

  onBodySent(chunk: Buffer): void {
    this.#requestBytes += chunk.length
  }

  #scanData(scan: ResponseScan, controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const hasRoom = this.#passScanned(scan.push(chunk))
    const stop = scan.stopped()
    if (stop !== undefined) return this.#fail(stop.fault)
    const ready = scan.ready()
    if (ready === undefined && hasRoom) return
    controller.pause()
    // Without room the client's `drain` resumes; it may do so before the scan is ready, which then only buffers a little.
    if (hasRoom) ready?.then(() => controller.resume()).catch(() => controller.resume())
  }

  #scanEnd(scan: ResponseScan, trailers: HeaderFields): void {
    scan.end().then(
      (end) => {
        if (this.#isOver) return
        if (end.kind === 'stop') return this.#fail(end.fault)
        this.#passScanned(end.rest)
        this.#sendHeldHead()
        this.#finish(trailers)
      },
      (error: unknown) => this.#fail(faultOfUpstream(error)),
    )
  }

  #passScanned(chunks: readonly Uint8Array[]): boolean {
    let hasRoom = true
    for (const chunk of chunks) {
      this.#sendHeldHead()
      hasRoom = isHttp2(this.#response) ? this.#response.write(chunk) : this.#response.write(chunk)
    }
    return hasRoom
  }

  #sendHeldHead(): void {
    clearTimeout(this.#patience)
    const head = this.#heldHead
    this.#heldHead = undefined
    if (head === undefined || this.#isOver) return
    try {
      this.#writeHead(this.#scan?.head?.(head) ?? head)
    } catch (error) {
      this.#fail(faultOfUpstream(error))
    }
  }

  readonly #onDrain = () => this.#controller?.resume()

  readonly #onClientClose = () => {
    if (this.#isOver) return
    this.#settle({ kind: 'client-gone' })
    this.#controller?.abort(new Error('client gone'))
    this.#request.destroy()
  }

  readonly #onAbort = () => {
    this.#fail(new Fault('closing', { detail: { why: 'cut' } }))
  }

  #passInformation(status: number, fields: HeaderFields): void {
    // Only early hints mean anything to a client; 101 without an upgrade was refused below us.
    const links = fields.filter(([name]) => name === 'link').map(([, value]) => value)
    if (status !== 103 || links.length === 0) return
    try {
      this.#response.writeEarlyHints({ link: links })
    } catch {
      // A hint that Node cannot read is no reason to refuse the answer behind it.
    }
  }

  /** Over HTTP/2 Node reads them later, in an event of its own, where a throw would end the process. */
  #addTrailers(fields: HeaderFields): void {
    const trailers = isHttp2(this.#response) ? http2Fields(fields) : grouped(fields)
    if (fields.length > 0 && trailers !== undefined) this.#response.addTrailers(trailers as Record<string, string>)
  }

  #fail(fault: Fault): void {
    if (this.#isOver) return
    const isAnswered = this.#response.headersSent
    this.#settle(isAnswered ? { kind: 'truncated', fault, status: this.#status } : { kind: 'unanswered', fault })
    this.#controller?.abort(fault)
    // Ending it would tell the client that it has everything.
    if (isAnswered) destroyResponse(this.#response)
    // Left undestroyed otherwise: the caller still answers. The rest of the upload is not waited for.
    else this.#request.resume()
  }

  #settle(end: ForwardEnd): void {
    this.#isOver = true
    clearTimeout(this.#patience)
    if (end.kind !== 'done') this.#scan?.abort()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#response.off('close', this.#onClientClose)
    this.#response.off('drain', this.#onDrain)
    this.#end.resolve(end)
  }
}

function destroyResponse(response: AnyResponse): void {
  if (isHttp2(response)) response.stream.close(0x2)
  else response.destroy()
}

function isHttp2(response: AnyResponse): response is Http2ServerResponse {
  return 'stream' in response
}

function hasBody(request: AnyRequest): boolean {
  if ('stream' in request) return !request.stream.endAfterHeaders
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0)
}

/** undici gives raw headers as buffers; their bytes are kept as they are. */
function upstreamFields(raw: Dispatcher.DispatchController['rawHeaders']): HeaderField[] {
  // HTTP/2 gives them by name.
  if (!Array.isArray(raw)) return fieldsOfNames(raw)
  const fields: HeaderField[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) fields.push([textOf(raw[at]).toLowerCase(), textOf(raw[at + 1])])
  return fields
}

function textOf(part: Buffer | string | undefined): string {
  return typeof part === 'string' ? part : (part?.toString('latin1') ?? '')
}

function fieldsOfNames(names: Exclude<Dispatcher.DispatchController['rawHeaders'], readonly unknown[]>): HeaderField[] {
  return Object.entries(names ?? {}).flatMap(([name, value]) => {
    if (name.startsWith(':') || value === undefined) return []
    return [value].flat().map((one): HeaderField => [name.toLowerCase(), String(one)])
  })
}
