// Certificates for hosts whose TLS ends here on the way from a device: app hosts behind CONNECT and intercepted hosts of
// the internet, signed by the tenant's short-lived inspection intermediate. Must never be asked for a name of ours that
// is no app: the root is trusted by devices.
import { createLeafContexts, type LeafContexts } from '#transport/interception/leaf-contexts.ts'
import { caps } from '#exchange/caps.ts'
import type { IssuedStore } from './issued-store.ts'

export type Minted = LeafContexts

export function createMinted(store: IssuedStore, now: () => number): Minted {
  const config = { maxContexts: caps.mintedCertificates.default, lifeMs: caps.mintedLifeMs.default }
  return createLeafContexts(config, { intermediate: (tenantId) => store.ensure('inspection', tenantId), now })
}
