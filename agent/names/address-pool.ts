// Gives each app name an address of the pool, the same one for as long as the agent runs. Must never give an address to
// two names, nor one outside the pool.
import { isIPv4, isIPv6 } from 'node:net'
import { Fault } from '#core/fault.ts'
import { caps } from '#agent/caps.ts'
import { ipv6Bytes } from '#agent/socket-owner.ts'

export type Prefix = { readonly family: 4 | 6; readonly base: bigint; readonly bits: number; readonly text: string }
export type NamedAddress = { readonly host: string; readonly ipv4: string; readonly ipv6: string }

/** A /16 of the shared address space (RFC 6598), and a prefix of RFC 4193 with a random global id. */
export const defaultPools = { ipv4: '100.83.0.0/16', ipv6: 'fd5a:b1c4:7e2d::/64' } as const

/** Strict CIDR: no host bits. Throws `configuration-invalid`. */
export function parsePrefix(text: string): Prefix {
  const [address = '', bitsText = ''] = text.split('/')
  const family = isIPv4(address)
    ? 4
    : isIPv6(address) && !address.includes('%') && !address.includes('.')
      ? 6
      : undefined
  const bits = Number(bitsText)
  const width = family === 4 ? 32 : 128
  const isPlain = family !== undefined && /^\d{1,3}$/.test(bitsText) && bits <= width
  const base = isPlain ? toNumber(address) : 0n
  if (!isPlain || base & ((1n << BigInt(width - bits)) - 1n)) {
    throw new Fault('configuration-invalid', { hint: `"${text.slice(0, 60)}" is not an address prefix.` })
  }
  return { family, base, bits, text }
}

export function overlaps(left: Prefix, right: Prefix): boolean {
  if (left.family !== right.family) return false
  const shift = BigInt((left.family === 4 ? 32 : 128) - Math.min(left.bits, right.bits))
  return left.base >> shift === right.base >> shift
}

export class AddressPool {
  readonly #ipv4: Prefix
  readonly #ipv6: Prefix
  readonly #byHost = new Map<string, NamedAddress>()
  readonly #byAddress = new Map<string, string>()
  readonly #max: number

  constructor(ipv4: Prefix, ipv6: Prefix) {
    if (ipv4.family !== 4 || ipv4.bits > 24 || ipv6.family !== 6 || ipv6.bits > 112) {
      throw new Fault('configuration-invalid', { hint: 'A pool has at least an IPv4 /24 and an IPv6 /112.' })
    }
    this.#ipv4 = ipv4
    this.#ipv6 = ipv6
    this.#max = Math.min(caps.namedAddresses.default, 2 ** (32 - ipv4.bits) - 2)
  }

  /** `undefined` when every address is given out. */
  addressOf(host: string): NamedAddress | undefined {
    const known = this.#byHost.get(host)
    if (known !== undefined || this.#byHost.size >= this.#max) return known
    // The first address of a network is left alone: some programs take it for the network itself.
    const index = BigInt(this.#byHost.size + 1)
    const given = { host, ipv4: ipv4Text(this.#ipv4.base + index), ipv6: ipv6Text(this.#ipv6.base + index) }
    this.#byHost.set(host, given)
    this.#byAddress.set(given.ipv4, host).set(given.ipv6, host)
    return given
  }

  hostOf(address: string): string | undefined {
    return this.#byAddress.get(address)
  }
}

function toNumber(address: string): bigint {
  const bytes = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address)
  return BigInt(`0x${bytes.toString('hex')}`)
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.')
}

function ipv6Text(value: bigint): string {
  const groups = value.toString(16).padStart(32, '0').match(/.{4}/g) ?? []
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
