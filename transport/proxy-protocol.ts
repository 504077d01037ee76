// PROXY protocol version 2 (haproxy.org, proxy-protocol.txt): the client's address as a balancer in front saw it. Must
// never be read from an address that is not a listed balancer: anybody can write such a header.
import { isIPv4, isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { Fault } from '#core/fault.ts'
import { plainAddress } from './address-list.ts'
import { caps } from './caps.ts'
import { readPrefix } from './read-prefix.ts'

export type Endpoints = {
  readonly sourceAddress: string
  readonly sourcePort: number
  readonly destinationAddress: string
  readonly destinationPort: number
}

/** `local`: the balancer speaks for itself (a health check); the connection's own addresses hold. */
export type ProxyHeader = { readonly kind: 'local' } | ({ readonly kind: 'proxied' } & Endpoints)

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const HEAD_BYTES = 16
const TLS_HANDSHAKE = 0x16
const VERSION_COMMAND_LOCAL = 0x20
const VERSION_COMMAND_PROXY = 0x21
const TCP4 = 0x11
const TCP6 = 0x21

/** The header for a connection; both addresses of one family, or one is mapped into IPv6. */
export function encodeProxyHeader(header: ProxyHeader): Buffer {
  if (header.kind === 'local') return Buffer.concat([signature, Buffer.from([VERSION_COMMAND_LOCAL, 0, 0, 0])])
  const [source, destination] = [plainAddress(header.sourceAddress), plainAddress(header.destinationAddress)]
  const isFour = isIPv4(source) && isIPv4(destination)
  const addresses = [source, destination].map((address) => (isFour ? ipv4Bytes(address) : ipv6Bytes(address)))
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(header.sourcePort)
  ports.writeUInt16BE(header.destinationPort, 2)
  const body = Buffer.concat([...addresses, ports])
  return Buffer.concat([signature, Buffer.from([VERSION_COMMAND_PROXY, isFour ? TCP4 : TCP6, 0, body.length]), body])
}

/** The header and how many bytes it took; `undefined` when more are needed. Throws Fault `request-malformed`. */
export function decodeProxyHeader(
  bytes: Buffer,
): { readonly header: ProxyHeader; readonly length: number } | undefined {
  const known = Math.min(bytes.length, signature.length)
  if (!bytes.subarray(0, known).equals(signature.subarray(0, known))) throw malformed('signature')
  if (bytes.length < HEAD_BYTES) return undefined
  const command = bytes[12]
  if (command !== VERSION_COMMAND_LOCAL && command !== VERSION_COMMAND_PROXY) throw malformed('version or command')
  const family = bytes[13]
  const length = HEAD_BYTES + bytes.readUInt16BE(14)
  if (length > caps.proxyHeaderBytes.default) throw malformed('size')
  if (bytes.length < length) return undefined
  if (command === VERSION_COMMAND_LOCAL) return { header: { kind: 'local' }, length }
  const body = bytes.subarray(HEAD_BYTES, length)
  if (family === TCP4) return { header: addressesOf(body, 4, ipv4Text), length }
  if (family === TCP6) return { header: addressesOf(body, 16, ipv6Text), length }
  // UNSPEC, datagrams and UNIX sockets: a balancer that sends those is not set up for us.
  throw malformed('address family')
}

/** Reads the header off a balancer's connection; `rest` are bytes that came behind it. Destroys the socket on a Fault. */
export function readProxyHeader(
  socket: Duplex,
  options: {
    readonly deadlineMs?: number
    readonly signal?: AbortSignal | undefined
    /** A relay may also speak for itself: a TLS record, which no header begins with, counts as `local`. */
    readonly mayBeAbsent?: boolean
  } = {},
): Promise<{ readonly header: ProxyHeader; readonly rest: Buffer }> {
  let held: Buffer = Buffer.alloc(0)
  const push = (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    if (options.mayBeAbsent === true && held[0] === TLS_HANDSHAKE)
      return { header: { kind: 'local' } as const, rest: held }
    const decoded = decodeProxyHeader(held)
    return decoded === undefined ? undefined : { header: decoded.header, rest: held.subarray(decoded.length) }
  }
  const deadlineMs = options.deadlineMs ?? caps.proxyHeaderDeadlineMs.default
  return readPrefix(socket, push, { deadlineMs, signal: options.signal })
}

function addressesOf(body: Buffer, size: 4 | 16, text: (bytes: Buffer) => string): ProxyHeader {
  if (body.length < 2 * size + 4) throw malformed('addresses')
  checkTlvs(body.subarray(2 * size + 4))
  return {
    kind: 'proxied',
    sourceAddress: text(body.subarray(0, size)),
    destinationAddress: text(body.subarray(size, 2 * size)),
    sourcePort: body.readUInt16BE(2 * size),
    destinationPort: body.readUInt16BE(2 * size + 2),
  }
}

/** Extensions are skipped, but they have to be whole. */
function checkTlvs(bytes: Buffer): void {
  let at = 0
  while (at < bytes.length) {
    if (bytes.length - at < 3) throw malformed('extension')
    at += 3 + bytes.readUInt16BE(at + 1)
  }
  if (at !== bytes.length) throw malformed('extension')
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

function ipv4Text(bytes: Buffer): string {
  return bytes.join('.')
}

function ipv6Bytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), ipv4Bytes(address)])
  if (!isIPv6(address) || address.includes('%')) throw new RangeError('not an address')
  // URL parsing folds an embedded IPv4 part and leaves hexadecimal groups only.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (part: string | undefined) => (part === undefined || part === '' ? [] : part.split(':'))
  const [before, after] = [groups(head), groups(tail)]
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function ipv6Text(bytes: Buffer): string {
  const groups = bytes.toString('hex').match(/.{4}/g) ?? []
  const address = new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
  const isMapped = bytes.subarray(0, 12).equals(Buffer.from('00000000000000000000ffff', 'hex'))
  return isMapped ? ipv4Text(bytes.subarray(12)) : address
}

function malformed(why: string): Fault {
  return new Fault('request-malformed', { detail: { why: `PROXY header: ${why}` } })
}
