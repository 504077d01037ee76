// Programs that refuse our certificates for a site and are passed there for a while, where the tenant wants that learned.
// Must never believe the program alone: it may only want not to be looked into. Somebody else must have been at the site
// with inspection on, or an administrator must have said yes, and nothing is learned for sites that nobody knows.
import type { WebSettings } from '#core/records/outbound.ts'
import { suffixesOf } from '#exchange/tenant/own-categories.ts'
import { caps } from './caps.ts'
import { NEWLY_SEEN, UNCATEGORISED, type WebAsker, type WebSite } from './web-access.ts'

export type Refusal =
  | { readonly kind: 'learned'; readonly untilMs: number; readonly vouchedBy: 'another person' | 'administrator' }
  | { readonly kind: 'not-learned'; readonly why: string; readonly isFirst: boolean }

export type LearnedPins = {
  /** A program of this person took our certificate for the site. */
  readonly accepted: (asker: WebAsker, site: WebSite) => void
  readonly refused: (asker: WebAsker, site: WebSite, categories: readonly string[]) => Refusal
  /** Whether this program's connections to the site are passed now. */
  readonly passes: (asker: WebAsker, site: WebSite, categories: readonly string[]) => boolean
  /** False: it has carried as much as it may; it ends. */
  readonly carried: (asker: WebAsker, site: WebSite, bytes: number) => boolean
}

type Attempts = { refusals: number; readonly sinceMs: number }

/** Names of categories, in feeds and by tenants, for which a program's word is never taken. */
const risky =
  /(malware|phish|threat|botnet|command-and-control|c2|cryptojack|stalkerware|ddos|hack|warez|proxy|vpn|doh|redirector|anonym|suspicious|dynamic-dns|parked)/i
const MEGABYTE = 1_000_000
const HOUR_MS = 3_600_000

export function createLearnedPins(now: () => number): LearnedPins {
  /** Who was at a site with inspection on; two are enough to know that it was somebody else. */
  const visitors = createTenantTables<Map<string, number>>()
  const attempts = createTenantTables<Attempts>()
  const allowances = createAllowances(now)

  return {
    accepted({ tenant, session }, { host }) {
      const known = visitors.get(tenant.id, host) ?? new Map<string, number>()
      known.delete(session.userId)
      known.set(session.userId, now() + caps.pinVouchMs.default)
      const [oldest] = known.keys()
      if (known.size > 2 && oldest !== undefined) known.delete(oldest)
      visitors.keep(tenant.id, host, known)
    },
    refused(asker, site, categories) {
      const settings = settingsOf(asker)
      const key = `${ownerOf(asker)} ${site.host} ${site.port}`
      const nowMs = now()
      const before = attempts.get(asker.tenant.id, key)
      const isFresh = before === undefined || nowMs - before.sinceMs > caps.pinWindowMs.default
      const tried = isFresh ? { refusals: 0, sinceMs: nowMs } : before
      tried.refusals++
      attempts.keep(asker.tenant.id, key, tried)
      const isFirst = tried.refusals === 1
      if (settings?.learn !== true) return { kind: 'not-learned', why: 'not wanted', isFirst }
      const why = whyNever(categories)
      if (why !== undefined) return { kind: 'not-learned', why, isFirst }
      const vouchedBy = isApproved(settings, site)
        ? ('administrator' as const)
        : isVisitedByAnother(asker, site, nowMs)
          ? ('another person' as const)
          : undefined
      if (vouchedBy === undefined)
        return { kind: 'not-learned', why: 'nobody else was there with inspection on', isFirst }
      if (tried.refusals < caps.pinRefusals.default) return { kind: 'not-learned', why: 'once may be chance', isFirst }
      // What was used up stays used up until it would have ended: a program cannot refuse itself a new allowance.
      const allowance = allowances.give(asker, placeOf(settings, site), nowMs + settings.hours * HOUR_MS)
      if (allowance === undefined) return { kind: 'not-learned', why: 'too many are learned already', isFirst }
      return { kind: 'learned', untilMs: allowance.untilMs, vouchedBy }
    },
    passes(asker, site, categories) {
      const settings = settingsOf(asker)
      if (settings?.learn !== true) return false
      const allowance = allowances.of(asker, placeOf(settings, site))
      if (allowance === undefined) return false
      return whyNever(categories) === undefined && allowance.bytes < settings.megabytes * MEGABYTE
    },
    carried(asker, site, bytes) {
      const settings = settingsOf(asker)
      const allowance = settings && allowances.of(asker, placeOf(settings, site))
      if (settings === undefined || allowance === undefined) return false
      allowance.bytes += bytes
      return allowance.bytes < settings.megabytes * MEGABYTE
    },
  }

  function isVisitedByAnother({ tenant, session }: WebAsker, { host }: WebSite, nowMs: number): boolean {
    for (const [userId, untilMs] of visitors.get(tenant.id, host) ?? [])
      if (userId !== session.userId && untilMs > nowMs) return true
    return false
  }
}

function settingsOf({ tenant }: WebAsker): WebSettings['pinnedClients'] | undefined {
  return tenant.webSettings?.pinnedClients
}

/** One device, or one person without one: another session of theirs is no new allowance. */
function ownerOf({ tenant, session }: WebAsker): string {
  return `${tenant.id} ${session.deviceId ?? session.userId}`
}

/** What one allowance is for: the site, or all below the name that an administrator approved. */
function placeOf({ approved }: WebSettings['pinnedClients'], { host, port }: WebSite): string {
  const suffix = [...suffixesOf(host)].find((one) => approved.includes(one))
  return suffix === undefined ? `${host} ${port}` : `approved ${suffix}`
}

function whyNever(categories: readonly string[]): string | undefined {
  if (categories.length === 0 || categories.includes(UNCATEGORISED)) return 'uncategorised'
  if (categories.includes(NEWLY_SEEN)) return 'newly seen'
  const bad = categories.find((name) => risky.test(name))
  return bad === undefined ? undefined : `category ${bad}`
}

function isApproved({ approved }: WebSettings['pinnedClients'], { host }: WebSite): boolean {
  return approved.length > 0 && [...suffixesOf(host)].some((suffix) => approved.includes(suffix))
}

type Allowance = { readonly untilMs: number; bytes: number }

/** Never forgets one that has not ended, whoever learns how many: else it would begin anew, with nothing used up. */
function createAllowances(now: () => number) {
  const byTenant = new Map<string, Map<string, Map<string, Allowance>>>()

  function dropEnded<K>(table: Map<K, Allowance>): void {
    for (const [key, { untilMs }] of table) if (untilMs <= now()) table.delete(key)
  }

  return {
    of(asker: WebAsker, place: string): Allowance | undefined {
      const allowance = byTenant.get(asker.tenant.id)?.get(ownerOf(asker))?.get(place)
      return allowance !== undefined && allowance.untilMs > now() ? allowance : undefined
    },
    /** The one there is, else a new one; undefined: there is no room for it. */
    give(asker: WebAsker, place: string, untilMs: number): Allowance | undefined {
      const known = this.of(asker, place)
      if (known !== undefined) return known
      const owner = ownerOf(asker)
      const owners = byTenant.getOrInsertComputed(asker.tenant.id, () => new Map<string, Map<string, Allowance>>())
      if (!owners.has(owner) && owners.size >= caps.pinOwners.default) {
        for (const [other, places] of owners) {
          dropEnded(places)
          if (places.size === 0) owners.delete(other)
        }
        if (owners.size >= caps.pinOwners.default) return undefined
      }
      const places = owners.getOrInsertComputed(owner, () => new Map<string, Allowance>())
      if (places.size >= caps.pinsPerOwner.default) dropEnded(places)
      if (places.size >= caps.pinsPerOwner.default) return undefined
      const allowance = { untilMs, bytes: 0 }
      places.set(place, allowance)
      return allowance
    },
  }
}

/** The least used goes, of the same tenant while that has more than its share: one must not make another's forgotten. */
function createTenantTables<V>() {
  const byTenant = new Map<string, Map<string, V>>()
  let size = 0

  const dropOldest = (tenantId: string, table: Map<string, V>) => {
    const [oldest] = table.keys()
    if (oldest === undefined || !table.delete(oldest)) return
    size--
    if (table.size === 0) byTenant.delete(tenantId)
  }

  return {
    get: (tenantId: string, key: string): V | undefined => byTenant.get(tenantId)?.get(key),
    keep(tenantId: string, key: string, value: V): void {
      const table = byTenant.getOrInsertComputed(tenantId, () => new Map<string, V>())
      if (!table.delete(key)) size++
      table.set(key, value)
      if (table.size > caps.pinsPerTenant.default) dropOldest(tenantId, table)
      if (size <= caps.pins.default) return
      // Whoever has most gives way, so that a tenant with few keeps them all.
      let most: readonly [string, Map<string, V>] | undefined
      for (const each of byTenant) if (most === undefined || each[1].size > most[1].size) most = each
      if (most !== undefined) dropOldest(...most)
    },
  }
}

/** The alerts by which a program says that it does not take our certificate (RFC 8446, 6.2). */
export function isCertificateAlert(alert: unknown): boolean {
  return /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN)\b/.test(String(alert))
}
