// The name inside a certificate: `sallyport://<tenant id | provider>/<role>/<id>`. Must never accept two spellings
// of one name: the parser accepts exactly what the builder makes.
import { isId } from '#core/ids.ts'

const idKindOfRole = { device: 'device', connector: 'connector', exchange: 'exchange' } as const

export type IdentityRole = keyof typeof idKindOfRole | 'control'

export type Identity = {
  /** A tenant's id, or `provider` for parts of the service itself. */
  readonly owner: string
  readonly role: IdentityRole
  readonly id: string
}

const roles = new Map<string, IdentityRole>([
  ['device', 'device'],
  ['connector', 'connector'],
  ['exchange', 'exchange'],
  ['control', 'control'],
])
const controlId = /^[a-z][a-z0-9-]{0,31}$/

/** The URI of an identity; throws `RangeError` when it is not one. */
export function identityUri(identity: Identity): string {
  const uri = `sallyport://${identity.owner}/${identity.role}/${identity.id}`
  if (parseIdentityUri(uri) === undefined) throw new RangeError('not an identity')
  return uri
}

/** The identity a URI names, or `undefined`. Devices and connectors belong to a tenant, the rest to the provider. */
export function parseIdentityUri(uri: string): Identity | undefined {
  if (uri.length > 128 || !uri.startsWith('sallyport://')) return undefined
  const [owner, roleText, id, ...rest] = uri.slice('sallyport://'.length).split('/')
  const role = roles.get(roleText ?? '')
  if (owner === undefined || role === undefined || id === undefined || rest.length > 0) return undefined
  const isTenantRole = role === 'device' || role === 'connector'
  if (isTenantRole ? !isId('tenant', owner) : owner !== 'provider') return undefined
  // A control plane is one per installation and is named by its configuration, not by a random id.
  const isNamed = role === 'control' ? controlId.test(id) : isId(idKindOfRole[role], id)
  return isNamed ? { owner, role, id } : undefined
}
