// HTTPS and SVCB records (RFC 9460) as people may have them: without encrypted names (ECH) and without HTTP/3, neither of
// which can be decided on, and without addresses that are not public. Must never pass on a record that insists on what
// was taken out, or that cannot be read.
import { malformed, readName, textOf } from './name.ts'

const keys = { mandatory: 0, alpn: 1, noDefaultAlpn: 2, ipv4hint: 4, ech: 5, ipv6hint: 6 } as const

export type CleanService = {
  readonly data: Uint8Array
  /** Set: an alias, to be decided like a CNAME. */
  readonly aliasOf: string | undefined
  readonly removed: readonly ('ech' | 'h3' | 'address')[]
}

/** `undefined`: the record has to go. `isRefused` is asked with the address as text. */
export function cleanService(data: Uint8Array, isRefused: (address: string) => boolean): CleanService | undefined {
  if (data.length < 3) return undefined
  const priority = ((data[0] ?? 0) << 8) | (data[1] ?? 0)
  const { wire, next } = readName(data, 2)
  const target = textOf(wire)
  if (target === undefined || next - 2 !== wire.length) throw malformed('the target of a service record')
  if (priority === 0) return { data: data.subarray(0, next), aliasOf: target === '' ? undefined : target, removed: [] }
  const removed = new Set<'ech' | 'h3' | 'address'>()
  const params = new Map<number, Uint8Array>()
  let last = -1
  for (let at = next; at < data.length;) {
    const [key, length] = [wordAt(data, at), wordAt(data, at + 2)]
    const value = data.subarray(at + 4, at + 4 + length)
    if (key <= last || value.length !== length) throw malformed('the parameters of a service record')
    last = key
    at += 4 + length
    params.set(key, value)
  }
  if (params.delete(keys.ech)) removed.add('ech')
  cleanAlpn(params, removed)
  if (params.has(keys.alpn) === false && removed.has('h3') && params.has(keys.noDefaultAlpn)) return undefined
  cleanHints(params, keys.ipv4hint, 4, isRefused, removed)
  cleanHints(params, keys.ipv6hint, 16, isRefused, removed)
  const mandatory = params.get(keys.mandatory)
  for (let at = 0; mandatory !== undefined && at < mandatory.length; at += 2) {
    if (!params.has(wordAt(mandatory, at))) return undefined
  }
  const out = [...data.subarray(0, next)]
  for (const [key, value] of params) out.push(key >>> 8, key & 255, value.length >>> 8, value.length & 255, ...value)
  return { data: Uint8Array.from(out), aliasOf: undefined, removed: [...removed] }
}

function cleanAlpn(params: Map<number, Uint8Array>, removed: Set<'ech' | 'h3' | 'address'>): void {
  const value = params.get(keys.alpn)
  if (value === undefined) return
  const kept: number[] = []
  for (let at = 0; at < value.length;) {
    const length = value[at] ?? 0
    const id = value.subarray(at + 1, at + 1 + length)
    if (length === 0 || id.length !== length) throw malformed('protocols of a service record')
    // h3 and its drafts, and QUIC before it.
    const text = String.fromCharCode(...id)
    if (/^(h3|hq|quic)/.test(text)) removed.add('h3')
    else kept.push(length, ...id)
    at += 1 + length
  }
  if (kept.length === 0) params.delete(keys.alpn)
  else params.set(keys.alpn, Uint8Array.from(kept))
}

function cleanHints(
  params: Map<number, Uint8Array>,
  key: number,
  size: 4 | 16,
  isRefused: (address: string) => boolean,
  removed: Set<'ech' | 'h3' | 'address'>,
): void {
  const value = params.get(key)
  if (value === undefined) return
  if (value.length === 0 || value.length % size !== 0) throw malformed('addresses of a service record')
  const kept: number[] = []
  for (let at = 0; at < value.length; at += size) {
    const address = value.subarray(at, at + size)
    if (isRefused(addressText(address))) removed.add('address')
    else kept.push(...address)
  }
  if (kept.length === 0) params.delete(key)
  else params.set(key, Uint8Array.from(kept))
}

/** An address of 4 or 16 bytes as text; '' for anything else. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return ''
  return Array.from({ length: 8 }, (_, index) => wordAt(bytes, index * 2).toString(16)).join(':')
}

function wordAt(bytes: Uint8Array, at: number): number {
  const [high, low] = [bytes[at], bytes[at + 1]]
  if (high === undefined || low === undefined) throw malformed('half a parameter')
  return (high << 8) | low
}
