// Things that may be used once and not for long: invitations, hand-off codes, challenges, states, seen tokens.
// Must never keep the thing itself (only its hash), and never give it out twice, however many ask at once.
import type { SignInDeps } from '#control/sign-in-seam.ts'
import { sha256 } from '#transport/secret.ts'
import { sealedPlaces } from '#control/authority/sealed-places.ts'

export type OneTimeKind =
  | 'challenge'
  | 'fresh-proof'
  | 'hand-off'
  | 'invitation'
  | 'invitation-draft'
  | 'logout-token'
  | 'portal-state'
  | 'console-state'
  | 'progress'
  | 'totp-draft'
  | 'upstream-state'

export type OneTimeEntry = { readonly value: unknown; readonly expiresAtMs: number }

export type OneTime = {
  /** Replaces what was there under the same key. */
  readonly put: (tenantId: string, kind: OneTimeKind, key: string, value: unknown, options: PutOptions) => Promise<void>
  /** False when the key is there already. */
  readonly putNew: (tenantId: string, kind: OneTimeKind, key: string, lifeMs: number) => Promise<boolean>
  /** The value, for exactly one caller; undefined when it is not there, used or expired. */
  readonly take: (tenantId: string, kind: OneTimeKind, key: string) => Promise<unknown>
  readonly peek: (tenantId: string, kind: OneTimeKind, key: string) => Promise<OneTimeEntry | undefined>
  readonly removeOfUser: (tenantId: string, userId: string, kind?: OneTimeKind) => Promise<void>
  readonly sweep: (tenantId: string) => Promise<void>
}

export type PutOptions = { readonly lifeMs: number; readonly userId?: string }

export function createOneTime(deps: Pick<SignInDeps, 'store' | 'sealSecret' | 'openSecret' | 'nowMs'>): OneTime {
  const { store, nowMs } = deps
  const hashOf = (key: string) => sha256(key).toString('base64url')
  const contextOf = (tenantId: string, kind: string, keyHash: string) =>
    sealedPlaces.oneTime.context({ tenantId, kind, keyHash })
  function open(tenantId: string, kind: OneTimeKind, keyHash: string, sealed: string): unknown {
    return JSON.parse(Buffer.from(deps.openSecret(sealed, contextOf(tenantId, kind, keyHash))).toString('utf8'))
  }
  function seal(tenantId: string, kind: OneTimeKind, keyHash: string, value: unknown): string {
    return deps.sealSecret(Buffer.from(JSON.stringify(value ?? null)), contextOf(tenantId, kind, keyHash))
  }
  return {
    put: async (tenantId, kind, key, value, { lifeMs, userId }) => {
      const keyHash = hashOf(key)
      const row = {
        userId: userId ?? null,
        sealed: seal(tenantId, kind, keyHash, value),
        expiresAtMs: nowMs() + lifeMs,
      }
      await store
        .forTenant(tenantId)
        .insertInto('signInOneTime', { kind, keyHash, ...row })
        .onConflict((conflict) => conflict.columns(['tenantId', 'kind', 'keyHash']).doUpdateSet(row))
        .execute()
    },
    putNew: async (tenantId, kind, key, lifeMs) => {
      const keyHash = hashOf(key)
      const result = await store
        .forTenant(tenantId)
        .insertInto('signInOneTime', {
          kind,
          keyHash,
          userId: null,
          sealed: seal(tenantId, kind, keyHash, null),
          expiresAtMs: nowMs() + lifeMs,
        })
        .onConflict((conflict) => conflict.columns(['tenantId', 'kind', 'keyHash']).doNothing())
        .returning('keyHash')
        .execute()
      return result.length === 1
    },
    take: async (tenantId, kind, key) => {
      const keyHash = hashOf(key)
      const row = await store
        .forTenant(tenantId)
        .deleteFrom('signInOneTime')
        .where('signInOneTime.kind', '=', kind)
        .where('signInOneTime.keyHash', '=', keyHash)
        .returning(['signInOneTime.sealed', 'signInOneTime.expiresAtMs'])
        .executeTakeFirst()
      if (!row || row.expiresAtMs <= nowMs()) return undefined
      return open(tenantId, kind, keyHash, row.sealed)
    },
    peek: async (tenantId, kind, key) => {
      const keyHash = hashOf(key)
      const row = await store
        .forTenant(tenantId)
        .selectFrom('signInOneTime')
        .select(['signInOneTime.sealed', 'signInOneTime.expiresAtMs'])
        .where('signInOneTime.kind', '=', kind)
        .where('signInOneTime.keyHash', '=', keyHash)
        .executeTakeFirst()
      if (!row || row.expiresAtMs <= nowMs()) return undefined
      return { value: open(tenantId, kind, keyHash, row.sealed), expiresAtMs: row.expiresAtMs }
    },
    removeOfUser: async (tenantId, userId, kind) => {
      const query = store.forTenant(tenantId).deleteFrom('signInOneTime').where('signInOneTime.userId', '=', userId)
      await (kind === undefined ? query : query.where('signInOneTime.kind', '=', kind)).execute()
    },
    sweep: async (tenantId) => {
      await store
        .forTenant(tenantId)
        .deleteFrom('signInOneTime')
        .where('signInOneTime.expiresAtMs', '<=', nowMs())
        .execute()
    },
  }
}
