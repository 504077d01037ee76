// Which addresses the way to the internet may lead to. Must never let a person reach through us what they could not
// reach from outside: this machine, its networks, metadata services, or an inner address in the clothes of an outer one.
import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { addressList, plainAddress } from '#transport/address-list.ts'

export type AddressSafety = {
  /** Why this address may not be reached; `undefined`: it may. */
  readonly refusal: (address: string) => AddressRefusal | undefined
}

export type AddressRefusal = 'not-an-address' | 'not-public' | 'own-address'

/** IANA special-purpose registries (RFC 6890 and later): everything that is not plainly somebody else's public address. */
const notPublic4: readonly (readonly [string, number])[] = [
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
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]
/** Within 2000::/3: Teredo and other protocol addresses, documentation, 6to4 (an IPv4 address inside), documentation. */
const notPublic6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]
const OWN_ADDRESSES_LIFE_MS = 10_000

const special4 = subnets('ipv4', notPublic4)
const special6 = subnets('ipv6', notPublic6)
const global6 = subnets('ipv6', [['2000::', 3]])

/**
 * `allowed`: networks that may be reached although they are not public; meant for tests. `own`: further addresses of
 * this exchange, such as the one that a balancer holds for it.
 */
export function createAddressSafety(
  allowed: readonly string[],
  own: readonly string[],
  clock: () => number = () => performance.now(),
): AddressSafety {
  const allowedList = addressList(allowed)
  let ownList = new Set<string>()
  let ownUntilMs = -Infinity

  return {
    refusal(address) {
      const family = isIP(address)
      // A mapped address is judged as the IPv4 address that packets would go to, and so is everything else with one inside.
      const plain = plainAddress(address)
      if (family === 0 || address.includes('%')) return 'not-an-address'
      if (allowedList.includes(plain)) return undefined
      if (ownAddresses().has(plain)) return 'own-address'
      if (plain !== address) return 'not-public'
      const isPublic =
        family === 4 ? !special4.check(plain, 'ipv4') : global6.check(plain, 'ipv6') && !special6.check(plain, 'ipv6')
      return isPublic ? undefined : 'not-public'
    },
  }

  function ownAddresses(): ReadonlySet<string> {
    if (clock() < ownUntilMs) return ownList
    ownUntilMs = clock() + OWN_ADDRESSES_LIFE_MS
    const found = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))
    ownList = new Set([...own, ...found.map((address) => plainAddress(address))])
    return ownList
  }
}

function subnets(family: 'ipv4' | 'ipv6', list: readonly (readonly [string, number])[]): BlockList {
  const made = new BlockList()
  for (const [address, bits] of list) made.addSubnet(address, bits, family)
  return made
}
