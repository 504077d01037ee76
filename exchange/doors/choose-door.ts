// Which door a server name leads to. Must never lead a name to two doors, nor tell from outside whether a name that
// leads nowhere belongs to somebody.
import { PROVIDER_TENANT } from '#core/names.ts'
import type { Domains, TenantDirectory } from '#exchange/tenant/directory.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

export type Door =
  | { readonly kind: 'flow'; readonly label: string }
  | { readonly kind: 'proxy'; readonly tenant: Tenant }
  | { readonly kind: 'link'; readonly tenant: Tenant }
  | { readonly kind: 'web'; readonly tenant: Tenant }
  | { readonly kind: 'control' }
  | { readonly kind: 'browser'; readonly tenant: Tenant }
  | { readonly kind: 'none' }

const none: Door = { kind: 'none' }
// No exchange gets the records of the root tenant, but its portal is at control like all others.
const controlLabels: ReadonlySet<string> = new Set(['id', 'console', 'api', PROVIDER_TENANT])

/** `name` is a lower-case server name from a ClientHello. */
export function chooseDoor(name: string, directory: TenantDirectory): Door {
  const labels = labelsBelow(name, directory.domains)
  if (labels === undefined) {
    const target = directory.browserTarget(name)
    return target === undefined ? none : { kind: 'browser', tenant: target.tenant }
  }
  const [first, second, ...more] = labels
  if (first === undefined || more.length > 0) return none
  if (second === undefined) {
    return controlLabels.has(first) || directory.named(first) !== undefined ? { kind: 'control' } : none
  }
  if (second === 'flow') return { kind: 'flow', label: first }
  const tenant = directory.named(first)
  if (tenant === undefined) return none
  if (second === 'proxy') return { kind: 'proxy', tenant }
  if (second === 'web') return tenant.webSettings === undefined ? none : { kind: 'web', tenant }
  return second === 'link' ? { kind: 'link', tenant } : none
}

/** The labels in front of our own domain; undefined for any other name. */
function labelsBelow(name: string, { domain }: Domains): readonly string[] | undefined {
  if (name === domain) return []
  return name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1).split('.') : undefined
}
