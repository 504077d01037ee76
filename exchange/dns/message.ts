// DNS messages: a client's question, a resolver's answer, and our own answer, read and written strictly. Must never pass
// on bytes that were not understood as a record, nor read what stands behind the counted records.
import { malformed, readName, textOf, wireOf } from './name.ts'

export const types = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, DNAME: 39 } as const
export const SVCB = 64
export const HTTPS = 65
const OPT = 41
const EDE = 15
const PADDING = 12
const PADDING_BLOCK = 468
const HEADER_BYTES = 12
const UDP_BYTES = 1232
export const IN = 1

export const rcodes = { ok: 0, serverFailure: 2, noSuchName: 3, notImplemented: 4 } as const

export type Query = {
  readonly id: number
  readonly isRecursionDesired: boolean
  /** Lower case, without the last dot. */
  readonly name: string
  readonly type: number
  readonly class: number
  /** As the client wrote it: letters keep their case in the answer. */
  readonly question: Uint8Array
  readonly hasEdns: boolean
  readonly isPadded: boolean
}

export type DnsRecord = {
  readonly name: string
  readonly type: number
  readonly ttl: number
  /** Without compression. */
  readonly data: Uint8Array
}

export type Answer = {
  readonly rcode: number
  readonly isCut: boolean
  readonly records: readonly DnsRecord[]
  /** How long "there is none" may be believed (RFC 2308), when the answer says so. */
  readonly negativeTtl: number | undefined
}

/** Throws `wire-malformed`. */
export function readQuery(message: Uint8Array): Query {
  const view = viewOf(message)
  const flags = view.getUint16(2)
  const isPlain = (flags & 0xf800) === 0 && view.getUint16(4) === 1 && view.getUint16(6) === 0
  if (!isPlain || view.getUint16(8) !== 0 || view.getUint16(10) > 1) throw malformed('not one plain question')
  const { name, type, class: klass, next } = questionIn(message)
  let [hasEdns, isPadded, end] = [false, false, next]
  if (view.getUint16(10) === 1) {
    const { wire, next: at } = readName(message, next)
    const { type: extra, ttl, data, end: last } = recordAt(message, view, at)
    if (extra !== OPT || wire.length !== 1 || ((ttl >>> 16) & 0xff) !== 0) throw malformed('EDNS')
    hasEdns = true
    isPadded = optionsIn(data).includes(PADDING)
    end = last
  }
  if (end !== message.length) throw malformed('bytes behind the question')
  const question = message.slice(HEADER_BYTES, next)
  const isRecursionDesired = (flags & 0x100) !== 0
  return { id: view.getUint16(0), isRecursionDesired, name, type, class: klass, question, hasEdns, isPadded }
}

/** An answer to exactly this question. Throws `wire-malformed`. */
export function readAnswer(
  message: Uint8Array,
  asked: { readonly name: string; readonly type: number },
  most: number,
): Answer {
  const view = viewOf(message)
  const flags = view.getUint16(2)
  if ((flags & 0xf800) !== 0x8000 || view.getUint16(4) !== 1) throw malformed('not an answer')
  const { name, type, class: klass, next } = questionIn(message)
  if (name !== asked.name || type !== asked.type || klass !== IN) throw malformed('an answer to another question')
  const isCut = (flags & 0x200) !== 0
  const rcode = flags & 0xf
  if (isCut) return { rcode, isCut, records: [], negativeTtl: undefined }
  const [answers, authority] = [view.getUint16(6), view.getUint16(8)]
  const records: DnsRecord[] = []
  let negativeTtl: number | undefined
  let at = next
  // Also what is skipped counts: records of no class of ours are read like others.
  for (let index = 0; index < Math.min(answers + authority, most); index++) {
    const owner = readName(message, at)
    const record = recordAt(message, view, owner.next)
    at = record.end
    if (record.class !== IN) continue
    const isAnswer = index < answers
    if (!isAnswer && record.type === types.SOA) negativeTtl = Math.min(record.ttl, lastWordOf(record.data))
    const text = isAnswer ? textOf(owner.wire) : undefined
    if (text === undefined) continue
    const data = expanded(message, record)
    records.push({ name: text, type: record.type, ttl: record.ttl & 0x8000_0000 ? 0 : record.ttl, data })
  }
  return { rcode, isCut, records, negativeTtl }
}

export type Reply = {
  readonly rcode: number
  readonly records: readonly DnsRecord[]
  /** RFC 8914. */
  readonly extended?: { readonly code: number; readonly text: string }
}

export function writeReply(query: Query, { rcode, records, extended }: Reply): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [query.question]
  for (const { name, type, ttl, data } of records) {
    const owner = name === query.name ? Uint8Array.of(0xc0, HEADER_BYTES) : wireOf(name)
    const head = new DataView(new ArrayBuffer(10))
    head.setUint16(0, type)
    head.setUint16(2, IN)
    head.setUint32(4, ttl)
    head.setUint16(8, data.length)
    parts.push(owner, new Uint8Array(head.buffer), data)
  }
  const bare = HEADER_BYTES + parts.reduce((sum, { length }) => sum + length, 0)
  if (query.hasEdns) parts.push(optRecord(bare, query.isPadded, extended))
  const length = HEADER_BYTES + parts.reduce((sum, part) => sum + part.length, 0)
  const message = new Uint8Array(length)
  const view = new DataView(message.buffer)
  view.setUint16(0, query.id)
  // An answer, recursion desired as asked, recursion available.
  view.setUint16(2, 0x8080 | (query.isRecursionDesired ? 0x100 : 0) | rcode)
  view.setUint16(4, 1)
  view.setUint16(6, records.length)
  view.setUint16(10, query.hasEdns ? 1 : 0)
  let at = HEADER_BYTES
  for (const part of parts) {
    message.set(part, at)
    at += part.length
  }
  return message
}

/** A question of ours to a resolver. */
export function writeQuery(id: number, name: string, type: number): Uint8Array {
  const wire = wireOf(name)
  const message = new Uint8Array(HEADER_BYTES + wire.length + 4 + 11)
  const view = new DataView(message.buffer)
  view.setUint16(0, id)
  view.setUint16(2, 0x100)
  view.setUint16(4, 1)
  view.setUint16(10, 1)
  message.set(wire, HEADER_BYTES)
  const at = HEADER_BYTES + wire.length
  view.setUint16(at, type)
  view.setUint16(at + 2, IN)
  view.setUint16(at + 5, OPT)
  view.setUint16(at + 7, UDP_BYTES)
  return message
}

function questionIn(message: Uint8Array) {
  const { wire, next } = readName(message, HEADER_BYTES)
  const name = textOf(wire)
  // Compressed it would mean something else in the answer.
  if (name === undefined || wire.length !== next - HEADER_BYTES) throw malformed('no host name')
  if (next + 4 > message.length) throw malformed('half a question')
  const view = viewOf(message)
  return { name, type: view.getUint16(next), class: view.getUint16(next + 2), next: next + 4 }
}

function recordAt(message: Uint8Array, view: DataView, at: number) {
  if (at + 10 > message.length) throw malformed('half a record')
  const start = at + 10
  const end = start + view.getUint16(at + 8)
  if (end > message.length) throw malformed('half a record')
  const ttl = view.getUint32(at + 4)
  return {
    type: view.getUint16(at),
    class: view.getUint16(at + 2),
    ttl,
    data: message.subarray(start, end),
    start,
    end,
  }
}

/** Where the names stand in the data of old types, which may be compressed; newer types are not (RFC 3597). */
const namesIn: ReadonlyMap<number, readonly [before: number, names: number]> = new Map([
  [types.NS, [0, 1]],
  [types.CNAME, [0, 1]],
  [types.PTR, [0, 1]],
  [types.DNAME, [0, 1]],
  [types.SOA, [0, 2]],
  [types.MX, [2, 1]],
  [types.SRV, [6, 1]],
])

function expanded(message: Uint8Array, { type, data, start, end }: ReturnType<typeof recordAt>): Uint8Array {
  const [before, names] = namesIn.get(type) ?? [data.length, 0]
  if (names === 0) return data.slice()
  const parts: Uint8Array[] = [message.subarray(start, start + before)]
  let at = start + before
  for (let count = 0; count < names; count++) {
    const { wire, next } = readName(message, at)
    if (next > end) throw malformed('a name beyond its record')
    parts.push(wire)
    at = next
  }
  parts.push(message.subarray(at, end))
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

function optRecord(before: number, isPadded: boolean, extended: Reply['extended']): Uint8Array {
  const text = extended === undefined ? new Uint8Array() : new TextEncoder().encode(extended.text.slice(0, 300))
  const ede = extended === undefined ? [] : [0, EDE, ...word(2 + text.length), ...word(extended.code), ...text]
  const sizeBefore = before + 11 + ede.length + 4
  const padding = isPadded ? (PADDING_BLOCK - (sizeBefore % PADDING_BLOCK)) % PADDING_BLOCK : 0
  const pad = isPadded ? [0, PADDING, ...word(padding), ...new Uint8Array(padding)] : []
  const options = [...ede, ...pad]
  return Uint8Array.from([0, ...word(OPT), ...word(UDP_BYTES), 0, 0, 0, 0, ...word(options.length), ...options])
}

function optionsIn(data: Uint8Array): readonly number[] {
  const view = viewOf(data, 0)
  const codes: number[] = []
  for (let at = 0; at < data.length;) {
    if (at + 4 > data.length) throw malformed('half an option')
    codes.push(view.getUint16(at))
    at += 4 + view.getUint16(at + 2)
    if (at > data.length) throw malformed('half an option')
  }
  return codes
}

/** The last field of an SOA: how long a missing name stays missing. */
function lastWordOf(data: Uint8Array): number {
  return data.length < 4 ? 0 : viewOf(data, 0).getUint32(data.length - 4)
}

function word(value: number): readonly [number, number] {
  return [(value >>> 8) & 0xff, value & 0xff]
}

function viewOf(bytes: Uint8Array, least = HEADER_BYTES): DataView {
  if (bytes.length < least) throw malformed('shorter than a head')
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
