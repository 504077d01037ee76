// A list of addresses and networks, e.g. of the balancers that may speak for others. Must never match more than was
// written: an IPv4-mapped IPv6 peer is judged as the IPv4 address it is.
import { BlockList, isIP } from 'node:net'
import { Fault } from '#core/fault.ts'

export type AddressList = { includes(address: string | undefined): boolean }

/** From CIDR networks and single addresses. Throws Fault `configuration-invalid` naming the entry. */
export function addressList(entries: readonly string[]): AddressList {
  const list = new BlockList()
  for (const entry of entries) addEntry(list, entry)
  return {
    includes(address) {
      const plain = plainAddress(address ?? '')
      const family = isIP(plain)
      return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6')
    },
  }
}

/** The address without IPv4 mapping: how a dual-stack listener names an IPv4 peer must not matter. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
}

function addEntry(list: BlockList, entry: string): void {
  const [address = '', prefixText, ...rest] = entry.split('/')
  const family = isIP(address)
  const bits = family === 4 ? 32 : 128
  const prefix = prefixText === undefined ? bits : /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : -1
  const isValid = family !== 0 && !address.includes('%') && rest.length === 0 && prefix >= 0 && prefix <= bits
  if (!isValid) throw new Fault('configuration-invalid', { hint: `'${entry}' is not an address or network.` })
  list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
}
