// Names of the internet to addresses: asked once, checked once, and then only those addresses are dialled, so that a
// name cannot mean one thing to the check and another to the connection. Must never use a search domain or a hosts file.
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { Fault } from '#core/fault.ts'
import type { AddressSafety } from './address-safety.ts'
import { caps } from './caps.ts'

/** Addresses with the seconds that the answer may be kept. Throws anything when there is none. */
export type ResolveName = (host: string) => Promise<readonly { readonly address: string; readonly ttl: number }[]>

export type Lookup = {
  /** Addresses that may be dialled, at least one. Throws Fault `destination-refused`, `upstream-unreachable`. */
  readonly addressesOf: (host: string) => Promise<readonly string[]>
}

type Answer = { readonly addresses: Promise<readonly string[]>; untilMs: number }

export function createLookup(safety: AddressSafety, resolve: ResolveName, clock = () => performance.now()): Lookup {
  const answers = new Map<string, Answer>()
  let underWay = 0

  return {
    async addressesOf(host) {
      const plain = host.replace(/^\[(.*)\]$/, '$1')
      if (isIP(plain) !== 0) return safe(host, [plain])
      // RFC 6761, RFC 8375, RFC 6762: names that are never the internet's.
      if (/(^|\.)(localhost|local|internal|invalid|home\.arpa|onion)$/.test(host) || !host.includes('.')) {
        throw refused(host, 'a name that is not public')
      }
      return safe(host, await asked(host))
    },
  }

  /** Checked on every use: what may be reached may have changed since the answer came. */
  function safe(host: string, addresses: readonly string[]): readonly string[] {
    const allowed = addresses.filter((address) => safety.refusal(address) === undefined)
    if (allowed.length === 0) throw refused(host, safety.refusal(addresses[0] ?? '') ?? 'no address')
    return allowed
  }

  function asked(host: string): Promise<readonly string[]> {
    const known = answers.get(host)
    if (known !== undefined && known.untilMs > clock()) return known.addresses
    if (underWay >= caps.lookups.default) throw new Fault('at-capacity', { detail: { why: 'look-ups' } })
    underWay++
    const answer: Answer = { addresses: ask(host), untilMs: Infinity }
    answers.delete(host)
    answers.set(host, answer)
    const [oldest] = answers.keys()
    if (answers.size > caps.answers.default && oldest !== undefined) answers.delete(oldest)
    return answer.addresses

    async function ask(name: string): Promise<readonly string[]> {
      try {
        const found = await resolve(name)
        if (found.length === 0) throw new Fault('upstream-unreachable', { detail: { why: 'no address' } })
        const lifeMs = Math.min(caps.answerLifeMs.default, ...found.map(({ ttl }) => ttl * 1000))
        answer.untilMs = clock() + Math.max(1000, lifeMs)
        return found.slice(0, caps.addressesPerName.default).map(({ address }) => address)
      } catch (cause) {
        answers.delete(name)
        throw new Fault('upstream-unreachable', { detail: { why: 'the name has no address' }, cause })
      } finally {
        underWay--
      }
    }
  }
}

function refused(host: string, why: string): Fault {
  return new Fault('destination-refused', { detail: { host, why } })
}

/** Straight to the resolvers of this machine, or to those given. */
export function systemResolver(servers?: readonly string[]): ResolveName {
  const resolver = new Resolver({ timeout: caps.lookupMs.default / 2, tries: 2 })
  if (servers !== undefined && servers.length > 0) resolver.setServers(servers)
  return async (host) => {
    const [four, six] = await Promise.allSettled([
      resolver.resolve4(host, { ttl: true }),
      resolver.resolve6(host, { ttl: true }),
    ])
    const found = [four, six].flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
    if (found.length === 0 && four.status === 'rejected') throw four.reason
    return found
  }
}
