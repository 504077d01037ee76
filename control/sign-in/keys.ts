// Keys of one tenant's sign-in: ID token keys, cookie keys, and the key of form tokens and known browsers.
// Must never leave this process unsealed; a new key takes over before an old one is dropped.
import { createHmac, randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { newSecret } from '#transport/secret.ts'
import type { SignInDeps } from '#control/sign-in-seam.ts'
import { sealedPlaces } from '#control/authority/sealed-places.ts'

export type SignInKeys = {
  /** Private JWKs, the signing one first. */
  readonly signing: readonly JWK[]
  readonly cookies: readonly string[]
  /** base64url HMAC over `text` with the key kept for `purpose`. */
  readonly mac: (purpose: 'form' | 'known-browser', text: string) => string
  /** When the keys should be loaded again. */
  readonly freshUntilMs: number
}

type Kind = 'jwk' | 'cookie' | 'mac'
type Deps = Pick<SignInDeps, 'store' | 'sealSecret' | 'openSecret' | 'nowMs'>

const DAY_MS = 86_400_000
/** A new key is made when the newest is this old; one is dropped at twice that age. */
const ROTATE_MS: Readonly<Record<Kind, number>> = { jwk: 30 * DAY_MS, cookie: 30 * DAY_MS, mac: 365 * DAY_MS }

export async function loadSignInKeys(tenantId: string, deps: Deps): Promise<SignInKeys> {
  const signing = await load(tenantId, 'jwk', deps, async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    return JSON.stringify({ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: newSecret('kid', 16) })
  })
  const cookies = await load(tenantId, 'cookie', deps, async () => newSecret('ck'))
  const macs = await load(tenantId, 'mac', deps, async () => randomBytes(32).toString('base64url'))
  const macKey = Buffer.from(macs.at(0) ?? '', 'base64url')
  return {
    signing: signing.map((text) => JSON.parse(text) as JWK),
    cookies,
    mac: (purpose, text) => createHmac('sha256', macKey).update(`${purpose}\n${tenantId}\n${text}`).digest('base64url'),
    freshUntilMs: deps.nowMs() + DAY_MS,
  }
}

/** Secrets of a kind, newest first; makes one when there is none young enough. */
async function load(tenantId: string, kind: Kind, deps: Deps, make: () => Promise<string>): Promise<string[]> {
  const table = deps.store.forTenant(tenantId)
  const now = deps.nowMs()
  const read = () =>
    table
      .selectFrom('signInKeys')
      .select(['signInKeys.id', 'signInKeys.sealed', 'signInKeys.createdAtMs'])
      .where('signInKeys.kind', '=', kind)
      .where('signInKeys.createdAtMs', '>', now - 2 * ROTATE_MS[kind])
      .orderBy('signInKeys.createdAtMs', 'desc')
      .orderBy('signInKeys.id')
      .execute()
  const contextOf = (id: string) => sealedPlaces.signInKey.context({ tenantId, kind, id })
  let rows = await read()
  const newest = rows.at(0)
  if (!newest || newest.createdAtMs <= now - ROTATE_MS[kind]) {
    const id = newSecret('sik', 16)
    const sealed = deps.sealSecret(Buffer.from(await make()), contextOf(id))
    await table.insertInto('signInKeys', { kind, id, sealed, createdAtMs: now }).execute()
    rows = await read()
  }
  return rows.map(({ id, sealed }) => Buffer.from(deps.openSecret(sealed, contextOf(id))).toString('utf8'))
}
