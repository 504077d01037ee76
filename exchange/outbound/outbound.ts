// Puts the way to the internet together for one exchange. Holds no rule of its own; warns of unsafe settings at every
// start.
import { join } from 'node:path'
import type { Inspector } from '#core/inspection/verdict.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { createAnswerCache } from '#exchange/dns/answer-cache.ts'
import { createAskResolver } from '#exchange/dns/ask.ts'
import { createDnsDoor, type DnsDoor } from '#exchange/dns/dns-door.ts'
import { createNames } from '#exchange/dns/names.ts'
import { createAddressSafety } from './address-safety.ts'
import { createClientCertificateSites } from './client-certificate-sites.ts'
import type { DnsWatcher, PageTools, PromptTools } from './content-tools.ts'
import { createGoOns } from './go-on.ts'
import { createLearnedPins } from './learned-pins.ts'
import { createLookup, systemResolver, type ResolveName } from './lookup.ts'
import { createOrigins, type Origins } from './origin.ts'
import { createListReader } from './revocation/read-list.ts'
import { startRevocationLists } from './revocation/revocation-lists.ts'
import { caps } from './caps.ts'
import { Fault } from '#core/fault.ts'
import { openSpools } from './spool.ts'
import { AI_CHAT, createWebAccess, type CategoriesOf } from './web-access.ts'
import { createWebLanes } from './web-lanes.ts'
import { createWebDoor, type WebDoor } from './web-door.ts'
import { createWebTraffic, type WebTraffic } from './web-traffic.ts'

export type OutboundConfig = {
  /** Networks that may be reached although they are not public. For tests; warned about at every start. */
  readonly insecureAllowPrivateDestinations?: readonly string[]
  /** Addresses of DNS servers; default: those of this machine. */
  readonly resolvers?: readonly string[]
  /** Revocation lists of authorities: files, or addresses of http or https. */
  readonly revocationLists?: readonly string[]
  /** PEM of authorities to trust for sites, besides the public ones. */
  readonly extraCaPem?: readonly string[]
}

export type OutboundDeps = {
  readonly inspector?: Inspector | null
  /** Categories from feeds, by which policies may speak of a host. */
  readonly categoriesOf?: CategoriesOf
  readonly prompts?: PromptTools
  readonly pages?: PageTools
  readonly dnsWatcher?: DnsWatcher
  readonly resolve?: ResolveName
  /** Loads inspectors and categories when the first target is no app: they cost memory that others need not pay. */
  readonly load?: () => Promise<OutboundTools>
}

export type OutboundTools = {
  readonly inspector: Inspector
  readonly categoriesOf: CategoriesOf
  readonly prompts: PromptTools
  readonly pages: PageTools
  readonly dnsWatcher: DnsWatcher
  readonly close: () => Promise<void>
}

export async function startOutbound(
  config: OutboundConfig & { readonly dataFolder: string },
  context: ExchangeContext,
  deps: OutboundDeps,
): Promise<WebTraffic & Pick<WebDoor, 'enter'> & { readonly dns: DnsDoor }> {
  const allowed = config.insecureAllowPrivateDestinations ?? []
  if (allowed.length > 0) context.log('INSECURE: destinations that are not public may be reached', { allowed })
  const ownHost = context.publicAddress.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  const safety = createAddressSafety(allowed, [ownHost])
  const lookup = createLookup(safety, deps.resolve ?? systemResolver(config.resolvers))
  const tools = loadOnce(deps.load)
  const lists = config.revocationLists ?? []
  if (lists.length > caps.revocationLists.default)
    throw new Fault('configuration-invalid', { hint: `At most ${caps.revocationLists.default} revocation lists.` })
  const revoked = startRevocationLists(lists, {
    read: createListReader(() => origins),
    log: context.log,
    now: context.now,
  })
  const origins: Origins = createOrigins({
    lookup,
    safety,
    extraCa: config.extraCaPem ?? [],
    revoked,
    now: context.now,
  })
  const lanes = createWebLanes(context)
  const access = createWebAccess(context, (tenantId, host) => {
    const find = tools.current?.categoriesOf ?? deps.categoriesOf
    const found = find === undefined ? [] : find(tenantId, host)
    return (tools.current?.prompts ?? deps.prompts)?.isHost(host) === true ? [AI_CHAT, ...found] : found
  })
  const names = createNames({
    context,
    access,
    safety,
    cache: createAnswerCache(createAskResolver(config.resolvers)),
    watcher: () => tools.current?.dnsWatcher ?? deps.dnsWatcher,
  })
  const dns = createDnsDoor(() => tools.ready(), names)
  const traffic = createWebTraffic({
    context,
    access,
    origins,
    lanes,
    goOns: createGoOns(context.now),
    spools: await openSpools(join(config.dataFolder, 'spool')),
    get inspector() {
      return tools.current?.inspector ?? deps.inspector ?? null
    },
    get prompts() {
      return tools.current?.prompts ?? deps.prompts
    },
    get pages() {
      return tools.current?.pages ?? deps.pages
    },
    pins: createLearnedPins(context.now),
    clientCertificateSites: createClientCertificateSites(context.now),
  })
  // Without its categories a policy would allow what it forbids: nothing goes out before they are there, nor before
  // the revocation lists were read.
  const isReady = async () => {
    await tools.ready()
    await revoked.ready
  }
  const ready: WebTraffic = {
    ...traffic,
    request: async (...given) => isReady().then(() => traffic.request(...given)),
    upgrade: async (...given) => isReady().then(() => traffic.upgrade(...given)),
    connect: async (...given) => isReady().then(() => traffic.connect(...given)),
  }
  const door = createWebDoor(context, ready, dns)
  return {
    ...ready,
    dns,
    enter: door.enter,
    drain() {
      door.drain()
      traffic.drain()
    },
    close() {
      door.close()
      revoked.close()
      lanes.close()
      traffic.close()
      tools.current?.close().catch((error: unknown) => context.log('inspection did not end', { error: String(error) }))
    },
  }
}

/** A failure is told to whoever waited and tried again for the next. */
function loadOnce(load: OutboundDeps['load']) {
  let loading: Promise<OutboundTools> | undefined
  const tools: { current: OutboundTools | undefined; readonly ready: () => Promise<void> } = {
    current: undefined,
    async ready() {
      if (load === undefined || tools.current !== undefined) return
      loading ??= load().finally(() => (loading = undefined))
      tools.current = await loading
    },
  }
  return tools
}
