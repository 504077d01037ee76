// Fetches the web certificates of tenants before a browser asks for them, one after the other. Must never hold up news.
import type { Tenant } from '#exchange/tenant/tenant.ts'
import type { IssuedStore } from './issued-store.ts'

export type Warming = { readonly add: (tenant: Tenant) => void }

export function createWarming(store: IssuedStore, onFailed: (tenantId: string, error: unknown) => void): Warming {
  let last: Promise<unknown> = Promise.resolve()
  const waiting = new Set<string>()
  return {
    add({ id, browserHosts }) {
      if (waiting.has(id) || browserHosts.next().done === true) return
      waiting.add(id)
      last = last
        .then(() => store.ensure('web', id))
        .catch((error: unknown) => onFailed(id, error))
        .finally(() => waiting.delete(id))
    },
  }
}
