// How fast secrets can be guessed. Must never let one party's guesses keep another out: strangers are slowed per
// account, a browser that signed in before has its own allowance, and memory is bounded whoever fills it.
import { isIPv6 } from 'node:net'
import { sha256 } from '#transport/secret.ts'
import { caps } from './caps.ts'

export type Throttle = {
  /** Milliseconds to wait, or 0. Counts nothing. */
  readonly waitMs: (attempt: Attempt) => number
  /** Takes one try: called before the secret is looked at, so that parallel guesses count too. */
  readonly take: (attempt: Attempt) => number
  /** Gives the try back after success. */
  readonly forgive: (attempt: Attempt) => void
}

export type Attempt = {
  readonly tenantId: string
  /** As typed; hashed before it is kept. */
  readonly account: string
  readonly isKnownAccount: boolean
  readonly ip: string
  /** Id in a device cookie of ours that is valid for this account; null: a stranger. */
  readonly knownBrowser: string | null
}

type Bucket = { left: number; atMs: number }
type Rule = { readonly burst: number; readonly refillMs: number }

const rules = {
  source: { burst: caps.sourceTries.default, refillMs: caps.sourceRefillMs.default },
  stranger: { burst: caps.strangerTries.default, refillMs: caps.strangerRefillMs.default },
  known: { burst: caps.knownTries.default, refillMs: caps.knownRefillMs.default },
} as const satisfies Record<string, Rule>

export function createThrottle(nowMs: () => number, maxBuckets: number = caps.buckets.default): Throttle {
  const sources = createBuckets(rules.source, nowMs, maxBuckets)
  const known = createBuckets(rules.known, nowMs, maxBuckets)
  const strangers = createBuckets(rules.stranger, nowMs, maxBuckets)
  // Made-up names behave the same but live apart, so that inventing names cannot push out a real account's count.
  const inventedNames = createBuckets(rules.stranger, nowMs, Math.ceil(maxBuckets / 5))

  function bucketsOf(attempt: Attempt): readonly (readonly [Buckets, string])[] {
    const source = sourceOf(attempt.ip)
    if (attempt.knownBrowser !== null) return [[known, attempt.knownBrowser]]
    const account = sha256(`${attempt.tenantId}\n${attempt.account}`).toString('base64url')
    return [
      [sources, source],
      [attempt.isKnownAccount ? strangers : inventedNames, account],
    ]
  }

  return {
    waitMs: (attempt) => Math.max(...bucketsOf(attempt).map(([buckets, key]) => buckets.waitMs(key))),
    take: (attempt) => {
      const wait = Math.max(...bucketsOf(attempt).map(([buckets, key]) => buckets.waitMs(key)))
      if (wait === 0) for (const [buckets, key] of bucketsOf(attempt)) buckets.take(key)
      return wait
    },
    forgive: (attempt) => {
      for (const [buckets, key] of bucketsOf(attempt)) buckets.give(key)
    },
  }
}

export type Buckets = {
  readonly waitMs: (key: string) => number
  readonly take: (key: string) => void
  readonly give: (key: string) => void
  readonly size: () => number
}

/** Token buckets; the least recently used is forgotten when there are more than `maxBuckets`. */
export function createBuckets(rule: Rule, nowMs: () => number, maxBuckets: number): Buckets {
  const buckets = new Map<string, Bucket>()
  function current(key: string): Bucket {
    const now = nowMs()
    const bucket = buckets.get(key)
    if (!bucket) return { left: rule.burst, atMs: now }
    // A clock that went back must not freeze anyone: time since is at least nothing.
    const since = Math.max(0, now - bucket.atMs)
    return { left: Math.min(rule.burst, bucket.left + since / rule.refillMs), atMs: now }
  }
  function keep(key: string, bucket: Bucket): void {
    buckets.delete(key)
    if (bucket.left >= rule.burst) return
    buckets.set(key, bucket)
    if (buckets.size > maxBuckets) {
      const oldest = buckets.keys().next()
      if (!oldest.done) buckets.delete(oldest.value)
    }
  }
  return {
    waitMs: (key) => {
      const { left } = current(key)
      return left >= 1 ? 0 : Math.ceil((1 - left) * rule.refillMs)
    },
    take: (key) => {
      const bucket = current(key)
      keep(key, { ...bucket, left: bucket.left - 1 })
    },
    give: (key) => {
      const bucket = current(key)
      keep(key, { ...bucket, left: Math.min(rule.burst, bucket.left + 1) })
    },
    size: () => buckets.size,
  }
}

/** One household or machine: an IPv4 address, or the /64 of an IPv6 address, which one subscriber owns whole. */
export function sourceOf(ip: string): string {
  const plain = ip.split('%', 1)[0] ?? ip
  if (!isIPv6(plain)) return plain
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)
  if (mapped?.[1]) return mapped[1]
  const [head = '', tail] = plain.split('::', 2)
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups =
    tail === undefined ? first : [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
