// Reads the ClientHello that opens a connection, without answering it, so that a door can be chosen. Must never
// guess: what could be read two ways is refused, and every byte read is handed on.
import type { Server as HttpServer } from 'node:http'
import type { Server as TcpServer, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Fault } from '#core/fault.ts'
import { ByteReader } from './byte-reader.ts'
import { caps } from './caps.ts'
import { readPrefix } from './read-prefix.ts'

export type ClientHello = {
  /** Lower case; absent when the client named no server. */
  readonly serverName: string | undefined
  readonly alpn: readonly string[]
  /** Protocol versions offered, highest first, e.g. 0x0304; without the reserved ones of RFC 8701. */
  readonly versions: readonly number[]
  /** Encrypted ClientHello, or what looks like it: clients send the extension as grease too. */
  readonly hasEncryptedHello: boolean
}

/** `bytes` is everything read so far, to be handed on. */
export type FirstBytes =
  | ({ readonly kind: 'tls'; readonly bytes: Buffer } & ClientHello)
  | { readonly kind: 'plain'; readonly bytes: Buffer }

const HANDSHAKE_RECORD = 22
const CLIENT_HELLO = 1
const RECORD_HEAD_BYTES = 5
const MAX_RECORD_BYTES = 16_384
const EXTENSION_SERVER_NAME = 0
const EXTENSION_ALPN = 16
const EXTENSION_SUPPORTED_VERSIONS = 43
const EXTENSION_ENCRYPTED_HELLO = 0xfe0d
const MAX_PROTOCOLS = 32

/** Reads and removes the first bytes of `socket`; destroys it and throws a Fault when they are no hello of any kind. */
export function readClientHello(
  socket: Duplex,
  options: { readonly deadlineMs?: number; readonly maxBytes?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<FirstBytes> {
  const reader = new ClientHelloReader(options.maxBytes)
  const deadlineMs = options.deadlineMs ?? caps.clientHelloDeadlineMs.default
  return readPrefix(socket, (chunk) => reader.push(chunk), { deadlineMs, signal: options.signal })
}

/** Gives a socket and what was read from it to a server that need not listen itself. */
export function adopt(socket: Socket, bytes: Uint8Array, server: TcpServer | HttpServer): void {
  if (bytes.length > 0) socket.unshift(bytes)
  server.emit('connection', socket)
}

/** The parser as a state machine: `push` until it returns a result or throws a Fault. */
export class ClientHelloReader {
  readonly #maxBytes: number
  #bytes: Buffer = Buffer.alloc(0)
  #length = 0
  #recordAt = 0
  readonly #fragments: Buffer[] = []
  #messageBytes = 0

  constructor(maxBytes: number = caps.clientHelloBytes.default) {
    this.#maxBytes = maxBytes
  }

  push(chunk: Buffer): FirstBytes | undefined {
    this.#append(chunk)
    if (this.#length === 0) return undefined
    if (this.#bytes[0] !== HANDSHAKE_RECORD) return { kind: 'plain', bytes: this.#taken() }
    while (this.#takeRecord()) {
      const message = this.#message()
      if (message !== undefined) return { kind: 'tls', bytes: this.#taken(), ...parseClientHello(message) }
    }
    return undefined
  }

  #append(chunk: Buffer): void {
    if (this.#length === 0) this.#bytes = chunk
    else {
      const needed = this.#length + chunk.length
      if (needed > this.#bytes.length) {
        // Doubling keeps a hello sent byte by byte from costing a copy per byte.
        const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length, 512))
        this.#bytes.copy(larger, 0, 0, this.#length)
        this.#bytes = larger
      }
      chunk.copy(this.#bytes, this.#length)
    }
    this.#length += chunk.length
  }

  #taken(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Whether one more whole record of the hello was there. Judges each head as soon as it can be read. */
  #takeRecord(): boolean {
    const at = this.#recordAt
    const available = this.#length - at
    if (available > 0 && this.#bytes[at] !== HANDSHAKE_RECORD) throw malformed('record type')
    if (available > 1 && this.#bytes[at + 1] !== 3) throw malformed('record version')
    if (available < RECORD_HEAD_BYTES) return false
    const length = this.#bytes.readUInt16BE(at + 3)
    // RFC 8446, 5.1: no empty handshake fragments.
    if (length === 0 || length > MAX_RECORD_BYTES) throw malformed('record length')
    const end = at + RECORD_HEAD_BYTES + length
    if (end > this.#maxBytes) throw tooLarge()
    if (available >= RECORD_HEAD_BYTES + 1 && at === 0 && this.#bytes[RECORD_HEAD_BYTES] !== CLIENT_HELLO) {
      throw malformed('handshake type')
    }
    if (end > this.#length) return false
    this.#fragments.push(Buffer.from(this.#bytes.subarray(at + RECORD_HEAD_BYTES, end)))
    this.#messageBytes += length
    this.#recordAt = end
    return true
  }

  /** The body of the hello once it is whole. */
  #message(): Buffer | undefined {
    if (this.#messageBytes < 4) return undefined
    const message = this.#fragments.length === 1 ? this.#fragments[0] : Buffer.concat(this.#fragments)
    if (message === undefined) return undefined
    this.#fragments.splice(0, this.#fragments.length, message)
    const end = 4 + message.readUIntBE(1, 3)
    if (end > this.#maxBytes) throw tooLarge()
    // A client may send nothing after its hello within the same records: it does not know any key yet.
    if (message.length > end) throw malformed('bytes after the hello')
    return message.length === end ? message.subarray(4) : undefined
  }
}

/** The body of a ClientHello message (RFC 8446, 4.1.2). Throws Fault `request-malformed`. */
export function parseClientHello(body: Uint8Array): ClientHello {
  const reader = new ByteReader(body, malformed)
  const legacyVersion = reader.u16()
  reader.skip(32)
  if (reader.block8().length > 32) throw malformed('session id')
  const suites = reader.block16().length
  if (suites === 0 || suites % 2 !== 0) throw malformed('cipher suites')
  if (reader.block8().length === 0) throw malformed('compression methods')
  let serverName: string | undefined
  let alpn: readonly string[] = []
  let versions: readonly number[] = [legacyVersion]
  let hasEncryptedHello = false
  // TLS 1.2 without extensions ends here: no name, hence no door, but not malformed.
  if (reader.atEnd) return { serverName, alpn, versions, hasEncryptedHello }
  const extensions = new ByteReader(reader.block16(), malformed)
  reader.end()
  const seen = new Set<number>()
  while (!extensions.atEnd) {
    const type = extensions.u16()
    const value = extensions.block16()
    // Two server names would let us choose by one and the terminating end by the other.
    if (seen.has(type)) throw malformed('duplicate extension')
    seen.add(type)
    if (type === EXTENSION_SERVER_NAME) serverName = parseServerName(value)
    else if (type === EXTENSION_ALPN) alpn = parseAlpn(value)
    else if (type === EXTENSION_SUPPORTED_VERSIONS) versions = parseVersions(value)
    else if (type === EXTENSION_ENCRYPTED_HELLO) hasEncryptedHello = true
  }
  return { serverName, alpn, versions, hasEncryptedHello }
}

function parseServerName(value: Uint8Array): string {
  const outer = new ByteReader(value, malformed)
  const list = new ByteReader(outer.block16(), malformed)
  outer.end()
  if (list.u8() !== 0) throw malformed('server name type')
  const name = Buffer.from(list.block16()).toString('latin1').toLowerCase()
  list.end()
  if (!isServerName(name)) throw malformed('server name')
  return name
}

const labels = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/

/** A DNS name as RFC 6066 allows it in a hello: no trailing dot, no address, ASCII (IDNs come as A-labels). */
function isServerName(name: string): boolean {
  if (name.length > 253 || !labels.test(name)) return false
  // A last label of digits (or 0x…) is an IPv4 address to some parser.
  return !/(^|\.)(\d+|0x[0-9a-f]*)$/.test(name)
}

function parseAlpn(value: Uint8Array): readonly string[] {
  const outer = new ByteReader(value, malformed)
  const list = new ByteReader(outer.block16(), malformed)
  outer.end()
  const protocols: string[] = []
  do {
    const protocol = list.block8()
    if (protocol.length === 0 || protocols.length >= MAX_PROTOCOLS) throw malformed('protocols')
    protocols.push(Buffer.from(protocol).toString('latin1'))
  } while (!list.atEnd)
  return protocols
}

/** RFC 8446, 4.2.1: a list of two-byte versions. */
function parseVersions(value: Uint8Array): readonly number[] {
  const outer = new ByteReader(value, malformed)
  const list = new ByteReader(outer.block8(), malformed)
  outer.end()
  const versions: number[] = []
  do {
    const version = list.u16()
    // RFC 8701: 0x0a0a, 0x1a1a … mean nothing.
    if ((version & 0x0f0f) !== 0x0a0a || version >> 8 !== (version & 0xff)) versions.push(version)
  } while (!list.atEnd)
  return versions.toSorted((left, right) => right - left)
}

function malformed(why: string): Fault {
  return new Fault('request-malformed', { detail: { why: `client hello: ${why}` } })
}

function tooLarge(): Fault {
  return new Fault('request-too-large', { detail: { why: 'client hello' } })
}
