// How many connections one source, and all together, may hold. Must never count a connection that is gone.
import { isIPv6 } from 'node:net'
import { caps } from '#exchange/caps.ts'

export type SourceLimits = {
  /** False when a cap would be passed. True counts one, until `release`. */
  readonly admit: (address: string) => boolean
  readonly release: (address: string) => void
  readonly count: number
}

export type SourceCaps = { readonly perSource: number; readonly total: number }

export function createSourceLimits(
  limits: SourceCaps = { perSource: caps.connectionsPerSource.default, total: caps.connections.default },
): SourceLimits {
  const bySource = new Map<string, number>()
  let total = 0
  return {
    get count() {
      return total
    },
    admit(address) {
      const source = sourceOf(address)
      const count = bySource.get(source) ?? 0
      if (total >= limits.total || count >= limits.perSource) return false
      bySource.set(source, count + 1)
      total++
      return true
    },
    release(address) {
      const source = sourceOf(address)
      const count = bySource.get(source) ?? 0
      if (count <= 1) bySource.delete(source)
      else bySource.set(source, count - 1)
      total--
    },
  }
}

/** A subscriber has a /64 of IPv6, and with it any number of addresses. */
export function sourceOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
