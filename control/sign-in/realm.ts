// One tenant's sign-in as it runs: provider, keys, current settings; made when first asked for, few kept at a time.
// Must never serve a tenant that is unknown or suspended, nor one tenant with another's provider.
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import { Fault } from '#core/fault.ts'
import { labelPattern } from '#core/names.ts'
import type { SignInDeps, SignInTenant } from '#control/sign-in-seam.ts'
import type { SignInAddresses } from './addresses.ts'
import { caps } from './caps.ts'
import { inProcessFetch, type Fetch } from './in-process-fetch.ts'
import { loadSignInKeys, type SignInKeys } from './keys.ts'
import type { Logins } from './logins.ts'
import { createOidcModels, type OidcModels } from './oidc-adapter.ts'
import { makeProvider } from './provider.ts'
import { providerPages } from './provider-pages.ts'

export type Realm = {
  readonly tenant: SignInTenant
  readonly issuer: string
  readonly keys: SignInKeys
  readonly provider: Provider
  readonly models: OidcModels
  readonly portalSecret: string
  /** Runs the provider on a request whose path still begins with the tenant. */
  readonly serveProvider: (request: IncomingMessage, response: ServerResponse, ip: string) => Promise<void>
  /** The same without a network, for the portal's own token requests. */
  readonly fetchProvider: Fetch
}

export type Realms = {
  /** Fault `not-found` when there is no such active tenant. */
  readonly byName: (name: string) => Promise<Realm>
  readonly byId: (tenantId: string) => Promise<Realm>
  /** Tenants seen since start, newest last. */
  readonly seenTenantIds: () => readonly string[]
  readonly close: () => void
}

type Kept = {
  readonly make: Omit<Realm, 'tenant'>
  readonly server: Server
  tenant: SignInTenant
}

export function createRealms(deps: SignInDeps, addresses: SignInAddresses, logins: Logins): Realms {
  const kept = new Map<string, Promise<Kept>>()
  const seen = new Set<string>()

  async function realmOf(tenant: SignInTenant | undefined): Promise<Realm> {
    if (tenant?.status !== 'active') throw new Fault('not-found')
    let found = kept.get(tenant.id)
    if (found) {
      const ready = await found
      // A rename changes the issuer; keys are looked at again once a day.
      if (ready.tenant.name !== tenant.name || ready.make.keys.freshUntilMs <= deps.nowMs()) {
        forget(tenant.id)
        found = undefined
      }
    }
    if (!found) {
      found = makeKept(tenant)
      found.catch(() => kept.delete(tenant.id))
    }
    kept.delete(tenant.id)
    kept.set(tenant.id, found)
    if (kept.size > caps.providers.default) {
      const oldest = kept.keys().next()
      if (!oldest.done) forget(oldest.value)
    }
    seen.delete(tenant.id)
    seen.add(tenant.id)
    const ready = await found
    ready.tenant = tenant
    return { ...ready.make, tenant }
  }

  function forget(tenantId: string): void {
    kept.get(tenantId)?.then(
      ({ server }) => server.close(),
      () => undefined,
    )
    kept.delete(tenantId)
  }

  async function makeKept(tenant: SignInTenant): Promise<Kept> {
    const keys = await loadSignInKeys(tenant.id, deps)
    const models = createOidcModels(tenant.id, deps)
    const portalSecret = randomBytes(32).toString('base64url')
    const issuer = addresses.issuer(tenant.name)
    let self: Kept | undefined
    const current = () => self?.tenant ?? tenant
    const provider = makeProvider({
      deps,
      addresses,
      tenant: current,
      keys,
      models,
      logins,
      pages: providerPages(() => current().displayName),
      portalSecret,
    })
    const callback = provider.callback()
    const serveProvider = async (request: IncomingMessage, response: ServerResponse, ip: string) => {
      const original = request.url ?? '/'
      const origin = new URL(issuer)
      request.headers['x-forwarded-proto'] = 'https'
      request.headers['x-forwarded-host'] = origin.host
      request.headers['x-forwarded-for'] = ip
      Object.assign(request, { originalUrl: original })
      request.url = original.slice(tenant.name.length + 1) || '/'
      await callback(request, response)
    }
    const server = createServer((request, response) => {
      serveProvider(request, response, '127.0.0.1').catch((error: unknown) => response.destroy(error as Error))
    })
    self = {
      tenant,
      server,
      make: {
        issuer,
        keys,
        provider,
        models,
        portalSecret,
        serveProvider,
        fetchProvider: inProcessFetch(server),
      },
    }
    return self
  }

  return {
    byName: async (name) => realmOf(labelPattern.test(name) ? await deps.directory.tenantByName(name) : undefined),
    byId: async (tenantId) => realmOf(await deps.directory.tenantById(tenantId)),
    seenTenantIds: () => [...seen],
    close: () => {
      for (const tenantId of kept.keys()) forget(tenantId)
    },
  }
}
