// Which addresses a receiver may have. Tenants name receivers, control connects: without this, a tenant could have control
// knock at everything inside. Must never connect to an address that was not looked at, so the address that was is the one
// that is dialled.
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { Fault } from '#core/fault.ts'

export type ReceiverAddresses = {
  /** Throws Fault `destination-refused` or `upstream-unreachable`. */
  readonly resolve: (host: string) => Promise<string>
}

const inside: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]

/** `allowed`: networks inside that the provider lets tenants send to. */
export function receiverAddresses(
  isAllowed: (address: string) => boolean,
  find: (host: string) => Promise<readonly { readonly address: string }[]> = (host) => lookup(host, { all: true }),
): ReceiverAddresses {
  const refused = new BlockList()
  for (const [network, prefix] of inside) refused.addSubnet(network, prefix, 'ipv4')
  // Of IPv6 only what is routed in the internet, without what carries IPv4 inside.
  const routed = new BlockList()
  routed.addSubnet('2000::', 3, 'ipv6')
  for (const [network, prefix] of [
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['3fff::', 20],
  ] as const)
    refused.addSubnet(network, prefix, 'ipv6')
  const isPublic = (address: string) =>
    isIP(address) === 4
      ? !refused.check(address, 'ipv4')
      : routed.check(address, 'ipv6') && !refused.check(address, 'ipv6')
  return {
    resolve: async (host) => {
      const found = isIP(host) === 0 ? await find(host).catch(() => []) : [{ address: host }]
      if (found.length === 0) throw new Fault('upstream-unreachable', { hint: `${host} has no address.` })
      // One address that may not be reached is enough to refuse: otherwise the next answer decides.
      const bad = found.find(({ address }) => !isPublic(address) && !isAllowed(address))
      if (bad)
        throw new Fault('destination-refused', {
          hint: `${host} is ${bad.address}, which is inside; the provider must list its network as a receiver.`,
        })
      return found[0]?.address ?? ''
    },
  }
}
