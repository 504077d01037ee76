// The private keys of a tenant, or of the provider: made once, sealed in the store, opened when needed. Must never
// give a private key to anything outside this folder.
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { toBase64url } from '#transport/base64url.ts'
import { createAuthority, type Authority, type AuthorityRequest } from '#transport/certificate-authority.ts'
import { sha256 } from '#transport/secret.ts'
import { isUniqueViolation, type Store } from '#control/store/store.ts'
import type { Sealer } from './key-encryption.ts'
import { sealedPlaces } from './sealed-places.ts'

export type AuthorityPurpose = 'identity-ca' | 'inspection-root' | 'exchange-ca' | 'web-ca'
export type SigningPurpose = 'statement' | 'snapshot' | 'journal'

type OpenKey<P extends string> = {
  readonly id: string
  readonly purpose: P
  readonly publicPem: string
  readonly privateKeyPem: string
}
export type OpenAuthority = { readonly id: string } & Authority
export type OpenSigningKey = { readonly id: string; readonly publicPem: string; readonly privateKey: KeyObject }

export class KeyRing {
  readonly #store: Store
  readonly #sealer: Sealer
  readonly #nowMs: () => number
  readonly #open = new Map<string, Promise<readonly OpenKey<string>[]>>()
  readonly #signing = new Map<string, readonly OpenSigningKey[]>()

  constructor(store: Store, sealer: Sealer, nowMs: () => number) {
    this.#store = store
    this.#sealer = sealer
    this.#nowMs = nowMs
  }

  /** Newest first: the first signs, all are published. */
  async authorities(
    tenantId: string,
    purpose: AuthorityPurpose,
    request: AuthorityRequest,
  ): Promise<readonly [OpenAuthority, ...OpenAuthority[]]> {
    const keys = await this.#keys(tenantId, purpose, async () => {
      const { certificatePem, privateKeyPem } = await createAuthority({ ...request, nowMs: this.#nowMs() })
      return { publicPem: certificatePem, privateKeyPem }
    })
    const [first, ...rest] = keys.map(({ id, publicPem, privateKeyPem }) => ({
      id,
      certificatePem: publicPem,
      privateKeyPem,
    }))
    if (!first) throw new RangeError('a key ring without keys')
    return [first, ...rest]
  }

  /** Ed25519. Newest first: the first signs, all are published. */
  async signingKeys(
    tenantId: string,
    purpose: SigningPurpose,
  ): Promise<readonly [OpenSigningKey, ...OpenSigningKey[]]> {
    const keys = await this.#keys(tenantId, purpose, async () => {
      const { publicKey, privateKey } = generateKeyPairSync('ed25519')
      return {
        publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      }
    })
    const place = `${tenantId} ${purpose} ${keys.map(({ id }) => id).join()}`
    const known = this.#signing.get(place)
    const opened =
      known ??
      keys.map(({ id, publicPem, privateKeyPem }) => ({ id, publicPem, privateKey: createPrivateKey(privateKeyPem) }))
    if (!known) this.#signing.set(place, opened)
    const [first, ...rest] = opened
    if (!first) throw new RangeError('a key ring without keys')
    return [first, ...rest]
  }

  /** Forgets what was opened: after a tenant was deleted or a key rotated by another process. */
  forget(tenantId: string): void {
    for (const place of this.#open.keys()) if (place.startsWith(`${tenantId} `)) this.#open.delete(place)
    for (const place of this.#signing.keys()) if (place.startsWith(`${tenantId} `)) this.#signing.delete(place)
  }

  #keys(
    tenantId: string,
    purpose: string,
    make: () => Promise<{ readonly publicPem: string; readonly privateKeyPem: string }>,
  ): Promise<readonly OpenKey<string>[]> {
    const place = `${tenantId} ${purpose}`
    const known = this.#open.get(place)
    if (known) return known
    const loading = this.#load(tenantId, purpose, make)
    this.#open.set(place, loading)
    loading.catch(() => this.#open.delete(place))
    return loading
  }

  async #load(
    tenantId: string,
    purpose: string,
    make: () => Promise<{ readonly publicPem: string; readonly privateKeyPem: string }>,
  ): Promise<readonly OpenKey<string>[]> {
    const handle = this.#store.forTenant(tenantId)
    const read = () =>
      handle
        .selectFrom('keys')
        .select(['keys.id', 'keys.sealed', 'keys.publicPem'])
        .where('keys.purpose', '=', purpose)
        .where('keys.retiredAtMs', 'is', null)
        .orderBy('keys.createdAtMs', 'desc')
        .execute()
    let rows = await read()
    if (rows.length === 0) {
      const { publicPem, privateKeyPem } = await make()
      // The first key of a purpose has one fixed id: of two processes that start at once, one wins and both use it.
      const id = `${purpose}.1`
      const sealed = this.#sealer.seal(Buffer.from(privateKeyPem), sealedPlaces.key.context({ tenantId, purpose, id }))
      await handle
        .insertInto('keys', { id, purpose, sealed, publicPem, createdAtMs: this.#nowMs(), retiredAtMs: null })
        .execute()
        .catch((error: unknown) => {
          if (!isUniqueViolation(error)) throw error
        })
      rows = await read()
    }
    return rows.map(({ id, sealed, publicPem }) => ({
      id,
      purpose,
      publicPem,
      privateKeyPem: this.#sealer.open(sealed, sealedPlaces.key.context({ tenantId, purpose, id })).toString(),
    }))
  }
}

/** A short name for a public key, for signatures that say which key made them. */
export function keyIdOf(publicPem: string): string {
  return toBase64url(sha256(publicPem)).slice(0, 22)
}
