// One actor of a drill: a person's device, as far as anybody can tell. Opens flows through the exchange by the agent's
// own protocol. Must never try anything that the scenario does not name.
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { caps } from './caps.ts'

export type CanaryApp = {
  readonly handle: string
  readonly name: string
  readonly kind: 'http' | 'tcp'
  readonly host: string
  readonly port: number
}

/** The agent's protocol, as whoever starts the drill provides it. */
export type AgentClient = {
  readonly open: (
    host: string,
    port: number,
    signal: AbortSignal,
  ) => Promise<
    { readonly kind: 'open'; readonly socket: Socket } | { readonly kind: 'refused'; readonly reason: string }
  >
  /** A question at the agent door with the device's certificate; the status of the answer. */
  readonly ask: (method: 'GET' | 'POST', path: string, body: object | undefined, signal: AbortSignal) => Promise<number>
  /** A request for a new certificate for the device's key. */
  readonly csrPem: string
  readonly close: () => Promise<void>
}

export type Visit =
  | { readonly kind: 'done'; readonly bytes: number; readonly ms: number }
  | { readonly kind: 'refused'; readonly reason: string }

/** Never throws: what goes wrong on the way in is a refusal with its reason. */
export async function visit(client: AgentClient, app: CanaryApp, bytes: number, signal: AbortSignal): Promise<Visit> {
  const startedMs = performance.now()
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(caps.openMs.default)])
  try {
    const opened = await client.open(app.host, app.port, deadline)
    if (opened.kind === 'refused') return opened
    try {
      if (app.kind === 'tcp') {
        const got = await firstByte(opened.socket, deadline)
        return got
          ? { kind: 'done', bytes: 1, ms: performance.now() - startedMs }
          : { kind: 'refused', reason: 'closed' }
      }
      const response = await get(opened.socket, app, `/items?bytes=${bytes}`, deadline)
      if (response.statusCode !== 200) return { kind: 'refused', reason: reasonOf(response) }
      let read = 0
      for await (const chunk of response as AsyncIterable<Buffer>) read += chunk.length
      return { kind: 'done', bytes: read, ms: performance.now() - startedMs }
    } finally {
      opened.socket.destroy()
    }
  } catch (error) {
    return { kind: 'refused', reason: error instanceof Error ? error.name : 'failed' }
  }
}

/** A flow that carries a byte ten times a second until somebody cuts it. */
export type Held = {
  readonly app: CanaryApp
  /** When the last byte came, on the clock of `performance`. */
  readonly lastByteMs: () => number
  readonly isOpen: () => boolean
  readonly close: () => void
}

/** Undefined when the flow does not open. */
export async function hold(client: AgentClient, app: CanaryApp, signal: AbortSignal): Promise<Held | undefined> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(caps.openMs.default)])
  const opened = await client.open(app.host, app.port, deadline).catch(() => undefined)
  if (opened?.kind !== 'open') return undefined
  const { socket } = opened
  let lastByteMs = performance.now()
  let isOpen = true
  const stream = app.kind === 'tcp' ? socket : await get(socket, app, '/feed', deadline).catch(() => undefined)
  if (stream === undefined || ('statusCode' in stream && stream.statusCode !== 200)) {
    socket.destroy()
    return undefined
  }
  stream.on('data', () => {
    lastByteMs = performance.now()
  })
  stream.on('error', () => {})
  const onEnd = () => {
    isOpen = false
  }
  stream.on('close', onEnd)
  stream.on('end', onEnd)
  return { app, lastByteMs: () => lastByteMs, isOpen: () => isOpen, close: () => socket.destroy() }
}

function get(socket: Socket, app: CanaryApp, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = httpRequest(
    {
      createConnection: () => socket,
      path,
      headers: { host: app.host, 'user-agent': 'curl/8.5.0', accept: '*/*' },
      signal,
    },
    resolve,
  )
  request.on('error', reject)
  request.end()
  return promise
}

function firstByte(socket: Socket, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.once('data', () => resolve(true))
  socket.once('close', () => resolve(false))
  socket.once('error', () => resolve(false))
  signal.addEventListener('abort', () => resolve(false), { once: true })
  return promise
}

function reasonOf(response: IncomingMessage): string {
  const reason = response.headers['sallyport-reason']
  return typeof reason === 'string' ? reason.slice(0, 64) : `status-${response.statusCode ?? 0}`
}
