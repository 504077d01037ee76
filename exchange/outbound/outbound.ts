// Puts the way to the internet together for one exchange. Holds no rule of its own; warns of unsafe settings at every
// start.
import { join } from 'node:path'
import type { Inspector } from '#core/inspection/verdict.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { createAddressSafety } from './address-safety.ts'
import { createClientCertificateSites } from './client-certificate-sites.ts'
import { createGoOns } from './go-on.ts'
import { createLookup, systemResolver, type ResolveName } from './lookup.ts'
import { createOrigins } from './origin.ts'
import { openSpools } from './spool.ts'
import { createWebAccess, type CategoriesOf } from './web-access.ts'
import { createWebLanes } from './web-lanes.ts'
import { createWebDoor, type WebDoor } from './web-door.ts'
import { createWebTraffic, type WebTraffic } from './web-traffic.ts'

export type OutboundConfig = {
  /** Networks that may be reached although they are not public. For tests; warned about at every start. */
  readonly insecureAllowPrivateDestinations?: readonly string[]
  /** Addresses of DNS servers; default: those of this machine. */
  readonly resolvers?: readonly string[]
  /** PEM of authorities to trust for sites, besides the public ones. */
  readonly extraCaPem?: readonly string[]
}

export type OutboundDeps = {
  readonly inspector?: Inspector | null
  /** Categories from feeds, by which policies may speak of a host. */
  readonly categoriesOf?: CategoriesOf
  readonly resolve?: ResolveName
}

export async function startOutbound(
  config: OutboundConfig & { readonly dataFolder: string },
  context: ExchangeContext,
  deps: OutboundDeps,
): Promise<WebTraffic & Pick<WebDoor, 'enter'>> {
  const allowed = config.insecureAllowPrivateDestinations ?? []
  if (allowed.length > 0) context.log('INSECURE: destinations that are not public may be reached', { allowed })
  const ownHost = context.publicAddress.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  const safety = createAddressSafety(allowed, [ownHost])
  const lookup = createLookup(safety, deps.resolve ?? systemResolver(config.resolvers))
  const lanes = createWebLanes(context)
  const traffic = createWebTraffic({
    context,
    access: createWebAccess(context, deps.categoriesOf ?? (() => [])),
    origins: createOrigins({ lookup, safety, extraCa: config.extraCaPem ?? [], now: context.now }),
    lanes,
    goOns: createGoOns(context.now),
    spools: await openSpools(join(config.dataFolder, 'spool')),
    inspector: deps.inspector ?? null,
    clientCertificateSites: createClientCertificateSites(context.now),
  })
  const door = createWebDoor(context, traffic)
  return {
    ...traffic,
    enter: door.enter,
    drain() {
      door.drain()
      traffic.drain()
    },
    close() {
      door.close()
      lanes.close()
      traffic.close()
    },
  }
}
