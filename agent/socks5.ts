// SOCKS5 for local programs (RFC 1928, RFC 1929): CONNECT only. Must never guess: a byte that the RFC does not allow
// ends the conversation, and nothing is opened before the request is whole.
import { isIPv6, type Socket } from 'node:net'
import { Fault } from '#core/fault.ts'
import type { Denial } from '#core/wire/flow.ts'
import { readPrefix } from '#transport/read-prefix.ts'
import { secretEquals } from '#transport/secret.ts'
import { caps } from './caps.ts'
import { isRefusal, type FlowOpener } from './flow-opener.ts'
import { parseHost, type Target } from './target.ts'

export type SocksConfig = {
  /** Password (RFC 1929, any user name) that programs must say; absent: none is asked for. */
  readonly secret?: string | undefined
  /** The app name behind an address that our names gave out. */
  readonly nameOf?: (address: string) => string | undefined
}

export const replies = {
  succeeded: 0,
  failure: 1,
  notAllowed: 2,
  hostUnreachable: 4,
  commandNotSupported: 7,
  addressNotSupported: 8,
} as const

type Reply = (typeof replies)[keyof typeof replies]

export async function serveSocks(socket: Socket, config: SocksConfig, opener: FlowOpener): Promise<void> {
  const { secret, nameOf } = config
  const methods = await readMessage(socket, readGreeting)
  const method = secret === undefined ? 0 : 2
  if (!methods.includes(method)) {
    socket.end(Buffer.from([5, 0xff]))
    return
  }
  socket.write(Buffer.from([5, method]))
  if (secret !== undefined) {
    const said = await readMessage(socket, readPassword)
    const isKnown = secretEquals(said, secret)
    if (!isKnown) {
      socket.end(Buffer.from([1, 1]))
      return
    }
    socket.write(Buffer.from([1, 0]))
  }
  const request = await readMessage(socket, readRequest)
  if (request.kind === 'refused') return refuse(socket, request.reply)
  const host = nameOf?.(request.target.host) ?? request.target.host
  const { port } = request.target
  const opened = await opener.open(host, port, 'socks')
  if (opened.kind === 'refused') return refuse(socket, replyOf(opened.denial))
  socket.write(replyMessage(replies.succeeded))
  opener.join(socket, opened.socket, { host, port })
}

function replyOf(denial: Denial): Reply {
  if (denial.reason === 'unknown-app') return replies.hostUnreachable
  return isRefusal(denial) ? replies.notAllowed : replies.failure
}

function refuse(socket: Socket, reply: Reply): void {
  socket.end(replyMessage(reply))
  socket.resume()
}

/** The bound address says nothing: where the other end is, is none of the program's business. */
function replyMessage(reply: Reply): Buffer {
  return Buffer.from([5, reply, 0, 1, 0, 0, 0, 0, 0, 0])
}

type Parsed<T> = { readonly value: T; readonly used: number }
type Parse<T> = (held: Buffer) => Parsed<T> | undefined

async function readMessage<T>(socket: Socket, parse: Parse<T>): Promise<T> {
  let held = Buffer.alloc(0)
  const { value, rest } = await readPrefix(
    socket,
    (chunk) => {
      held = Buffer.concat([held, chunk])
      const parsed = parse(held)
      return parsed === undefined ? undefined : { value: parsed.value, rest: held.subarray(parsed.used) }
    },
    { deadlineMs: caps.localHandshakeMs.default },
  )
  if (rest.length > 0) socket.unshift(rest)
  return value
}

const malformed = (why: string) => new Fault('request-malformed', { detail: { why } })

export function readGreeting(held: Buffer): Parsed<readonly number[]> | undefined {
  const [version, count] = held
  if (version !== undefined && version !== 5) throw malformed('not SOCKS5')
  if (count === 0) throw malformed('no methods')
  if (count === undefined || held.length < 2 + count) return undefined
  return { value: [...held.subarray(2, 2 + count)], used: 2 + count }
}

/** RFC 1929: the password; the user name may be anything. */
export function readPassword(held: Buffer): Parsed<string> | undefined {
  const [version, nameLength] = held
  if (version !== undefined && version !== 1) throw malformed('version of the sub-negotiation')
  if (nameLength === undefined) return undefined
  const passwordLength = held[2 + nameLength]
  if (passwordLength === undefined || held.length < 3 + nameLength + passwordLength) return undefined
  const used = 3 + nameLength + passwordLength
  return { value: held.subarray(3 + nameLength, used).toString(), used }
}

export type SocksRequest =
  | { readonly kind: 'connect'; readonly target: Target }
  | { readonly kind: 'refused'; readonly reply: Reply }

export function readRequest(held: Buffer): Parsed<SocksRequest> | undefined {
  const [version, command, reserved, type, first] = held
  if (version !== undefined && version !== 5) throw malformed('version of the request')
  if (reserved !== undefined && reserved !== 0) throw malformed('reserved byte')
  if (type === undefined || first === undefined) return undefined
  if (type !== 1 && type !== 3 && type !== 4) return refused(replies.addressNotSupported, held)
  const [from, length] = type === 1 ? [4, 4] : type === 4 ? [4, 16] : [5, first]
  const used = from + length + 2
  if (held.length < used) return undefined
  if (command !== 1) return refused(replies.commandNotSupported, held)
  const address = held.subarray(from, from + length)
  const host = type === 1 ? [...address].join('.') : type === 4 ? ipv6Text(address) : hostName(address)
  const port = held.readUInt16BE(from + length)
  if (host === undefined || port === 0) return refused(replies.addressNotSupported, held)
  return { value: { kind: 'connect', target: { host, port } }, used }
}

function refused(reply: Reply, held: Buffer): Parsed<SocksRequest> {
  return { value: { kind: 'refused', reply }, used: held.length }
}

function hostName(bytes: Buffer): string | undefined {
  return /^[\x21-\x7e]+$/.test(bytes.toString('latin1')) ? parseHost(bytes.toString('latin1')) : undefined
}

function ipv6Text(bytes: Buffer): string | undefined {
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16))
  const url = `http://[${groups.join(':')}]`
  const text = URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : ''
  return isIPv6(text) ? text : undefined
}
