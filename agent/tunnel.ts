// CONNECT through the agent door, for flows that the exchange inspects. Must never hand on a byte before a plain 200,
// nor lose one that came after it.
import type { TLSSocket } from 'node:tls'
import { Fault } from '#core/fault.ts'
import type { Denial } from '#core/wire/flow.ts'
import { readPrefix } from '#transport/read-prefix.ts'
import { caps } from './caps.ts'
import type { OpenedFlow } from './open-flow.ts'

type Answer = {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

export async function openTunnel(
  host: string,
  port: number,
  connect: () => Promise<TLSSocket>,
  signal: AbortSignal,
): Promise<OpenedFlow> {
  const socket = await connect()
  socket.allowHalfOpen = true
  socket.on('error', () => {})
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nAccept: application/json\r\n\r\n`)
  let held = Buffer.alloc(0)
  const answer = await readPrefix(
    socket,
    (chunk) => {
      held = Buffer.concat([held, chunk])
      const parsed = parseAnswer(held)
      if (parsed === undefined && held.length > caps.tunnelHeadBytes.default) throw new Fault('wire-malformed')
      return parsed
    },
    { deadlineMs: caps.flowOpenMs.default, signal, from: 'server' },
  )
  if (answer.status === 200) {
    if (answer.body.length > 0) socket.unshift(answer.body)
    return { kind: 'open', way: 'inspected', socket }
  }
  socket.destroy()
  return { kind: 'refused', denial: denialOf(answer) }
}

/** Undefined while more is needed: the head, and for refusals the body too. */
function parseAnswer(held: Buffer): Answer | undefined {
  const end = held.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [statusLine = '', ...lines] = held.subarray(0, end).toString('latin1').split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine)?.[1])
  if (!(status >= 200)) throw new Fault('wire-malformed', { detail: { why: 'answer to CONNECT' } })
  const headers = new Map<string, string>()
  for (const line of lines) {
    const at = line.indexOf(':')
    if (at < 1) throw new Fault('wire-malformed', { detail: { why: 'header of the answer to CONNECT' } })
    headers.set(line.slice(0, at).toLowerCase(), line.slice(at + 1).trim())
  }
  const body = held.subarray(end + 4)
  const length = Number(headers.get('content-length') ?? 0)
  // RFC 9110 section 9.3.6: a 2xx to CONNECT has no body whatever its headers say.
  if (status !== 200 && body.length < Math.min(length, caps.tunnelHeadBytes.default - end - 4)) return undefined
  return { status, headers, body }
}

function denialOf({ status, headers, body }: Answer): Denial {
  let said: Record<string, unknown> = {}
  try {
    const value: unknown = JSON.parse(body.toString())
    if (typeof value === 'object' && value !== null) said = value as Record<string, unknown>
    if (typeof said['denial'] === 'object' && said['denial'] !== null) said = said['denial'] as Record<string, unknown>
  } catch {
    // A page for people; the reason is in the header too.
  }
  const text = (name: string, otherwise: string) =>
    typeof said[name] === 'string' ? said[name].slice(0, 2000) : otherwise
  const reason = headers.get('sallyport-reason') ?? text('reason', text('code', `status-${status}`))
  return {
    reason: reason.slice(0, 64),
    message: text('message', 'The exchange refused the connection.'),
    advice: text('advice', ''),
    requestAccessUrl: typeof said['requestAccessUrl'] === 'string' ? said['requestAccessUrl'].slice(0, 500) : null,
  }
}
