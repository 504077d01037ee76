// Step 3 of 6 on the way to the internet: the same walls and the same policies as for apps, behind a few walls of its own.
// Must never allow anything for a tenant that has not switched this way on.
import { isIP } from 'node:net'
import { parsePortRange } from '#core/names.ts'
import type { SessionRecord } from '#core/records/records.ts'
import type { WebSettings } from '#core/records/outbound.ts'
import { deny, type Decision, type Obligation } from '#core/policy/decide.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { decide, type Access, type DestinationAccess, type HttpAccess } from '#exchange/decide.ts'
import { suffixesOf } from '#exchange/tenant/own-categories.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { caps } from './caps.ts'
import { pinnedService, pinnedServices } from './pinned-services.ts'

export type WebAsker = { readonly tenant: Tenant; readonly session: SessionRecord; readonly clientIp: string }

export type WebSite = { readonly host: string; readonly port: number }

/** Shared categories of a host, beside the tenant's own; names as policies use them. */
export type CategoriesOf = (tenantId: string, host: string) => readonly string[]

export type WebAccess = {
  readonly categoriesOf: (tenant: Tenant, host: string) => readonly string[]
  readonly accessTo: (
    asker: WebAsker,
    site: WebSite,
    action: DestinationAccess['action'],
    http: HttpAccess | null,
    /** Known from the request and not from its host. */
    ofAddress?: readonly string[],
  ) => Access
  readonly decide: (tenant: Tenant, access: Access) => Decision
  /** The same access with the categories of now, for deciding again. */
  readonly refreshed: (tenant: Tenant, access: Access) => Access
  /** Whether the site is refused whatever policy says. */
  readonly isRefused: (tenant: Tenant, site: WebSite) => boolean
}

export const UNCATEGORISED = 'uncategorised'
/** Chat services and whatever answers as one, by host or by the address of the request. */
export const AI_CHAT = 'ai-chat'
/** Hosts whose owner nobody of the tenant had been to before these days. */
export const NEWLY_SEEN = 'newly-seen'

export function createWebAccess(context: ExchangeContext, shared: CategoriesOf): WebAccess {
  return {
    categoriesOf,
    accessTo({ tenant, session, clientIp }, { host, port }, action, http, ofAddress = []) {
      return {
        userId: session.userId,
        sessionId: session.id,
        deviceId: session.deviceId,
        appId: '',
        connectorId: null,
        clientIp,
        http,
        destination: { action, host, port, categories: withCategories(categoriesOf(tenant, host), ofAddress) },
      }
    },
    decide(tenant, access) {
      if (tenant.webSettings === undefined) return deny('app-unknown')
      const { destination } = access
      if (destination === undefined || isRefused(tenant, destination)) return deny('destination-refused')
      return decide(tenant, access, { nowMs: context.now() })
    },
    isRefused,
    refreshed(tenant, access) {
      const { destination } = access
      if (destination === undefined) return access
      // What the address of a request said of it, its host alone cannot say.
      const ofAddress = destination.categories.includes(AI_CHAT) ? [AI_CHAT] : []
      const categories = withCategories(categoriesOf(tenant, destination.host), ofAddress)
      return { ...access, destination: { ...destination, categories } }
    },
  }

  function categoriesOf(tenant: Tenant, host: string): readonly string[] {
    const own = tenant.ownCategoriesOf(host)
    const names = [...new Set([...own, ...shared(tenant.id, host)])].slice(0, caps.categories.default)
    return names.length > 0 ? names : [UNCATEGORISED]
  }

  function isRefused(tenant: Tenant, { host, port }: WebSite): boolean {
    const settings = tenant.webSettings
    if (settings === undefined) return true
    if (!settings.ports.some((text) => isWithin(text, port))) return true
    if (isAddress(host)) return settings.addresses === 'refuse'
    return isOwnHost(host)
  }

  /** Our own doors, and the hosts of apps, are reached as what they are and not through ourselves. */
  function isOwnHost(host: string): boolean {
    const { domain, appsDomain } = context.directory.domains
    if ([domain, appsDomain].some((own) => host === own || host.endsWith(`.${own}`))) return true
    return context.directory.browserTarget(host) !== undefined
  }
}

/** First those of the address, so that no cap takes them away. */
function withCategories(ofHost: readonly string[], ofAddress: readonly string[]): readonly string[] {
  return ofAddress.length === 0 ? ofHost : [...new Set([...ofAddress, ...ofHost])].slice(0, caps.categories.default)
}

export function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0
}

function isWithin(text: string, port: number): boolean {
  const range = parsePortRange(text)
  return range !== null && port >= range.first && port <= range.last
}

/** Which inspections the allowing policies ask for. */
export function wantedInspections(obligations: readonly Obligation[]): readonly ('dlp' | 'malware')[] {
  const words = new Set(
    obligations
      .filter(({ name }) => name === 'inspect')
      .flatMap(({ value }) => value.split(',').map((one) => one.trim())),
  )
  // `@inspect` without words, and words that this version does not know, ask for every look at bodies there is.
  const isAll = [...words].some((word) => word !== 'dlp' && word !== 'malware' && word !== PHISHING)
  return (['dlp', 'malware'] as const).filter((one) => isAll || words.has(one))
}

/** Pages are judged where policy names it: judging may hold them back, and changes the suspicious ones. */
export function wantsPages(obligations: readonly Obligation[]): boolean {
  return obligations.some(
    ({ name, value }) => name === 'inspect' && value.split(',').some((one) => one.trim() === PHISHING),
  )
}

const PHISHING = 'phishing'

/** Why this connection is passed without looking into it; `undefined`: it is looked into. */
export function bypassReason(
  settings: WebSettings,
  { tenant, session }: WebAsker,
  { host }: WebSite,
  categories: readonly string[],
): string | undefined {
  const user = tenant.users.get(session.userId)
  const groups = (user?.groupIds ?? []).map((id) => tenant.groups.get(id)?.name)
  const suffixes = [...suffixesOf(host)]
  for (const rule of settings.bypass) {
    const fits =
      (rule.hosts === undefined || rule.hosts.some((each) => suffixes.includes(each))) &&
      (rule.categories === undefined || rule.categories.some((each) => categories.includes(each))) &&
      (rule.users === undefined || rule.users.some((each) => each === user?.name)) &&
      (rule.groups === undefined || rule.groups.some((each) => groups.includes(each)))
    if (fits) return `rule: ${rule.reason}`
  }
  if (isAddress(host)) return 'address'
  const pinned = settings.pinnedServices ? pinnedService(suffixes) : undefined
  return pinned === undefined ? undefined : `pinned service ${pinned} (list ${pinnedServices.version})`
}
