// Where the OpenID provider of one tenant keeps its models: our store, by hash and sealed. Must never let a code or
// refresh token be consumed twice, and never find a row of another tenant (the handle carries the tenant).
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider'
import type { SignInDeps } from '#control/sign-in-seam.ts'
import { sha256 } from '#transport/secret.ts'
import { sealedPlaces } from '#control/authority/sealed-places.ts'

const hashOf = (value: string) => sha256(value).toString('base64url')
const LONGEST_LIFE_SECONDS = 14 * 86_400

export type OidcModels = {
  readonly adapter: (model: string) => Adapter
  readonly revokeGrant: (grantId: string) => Promise<void>
  readonly removeSession: (uid: string) => Promise<void>
  readonly removeOfAccount: (accountId: string) => Promise<void>
  readonly sweep: () => Promise<void>
}

export function createOidcModels(
  tenantId: string,
  deps: Pick<SignInDeps, 'store' | 'sealSecret' | 'openSecret' | 'nowMs'>,
): OidcModels {
  const table = () => deps.store.forTenant(tenantId)
  const contextOf = (model: string, idHash: string) => sealedPlaces.oidc.context({ tenantId, model, idHash })

  async function revokeGrant(grantId: string): Promise<void> {
    await table().deleteFrom('signInOidc').where('signInOidc.grantId', '=', hashOf(grantId)).execute()
    await table()
      .deleteFrom('signInOidc')
      .where('signInOidc.model', '=', 'Grant')
      .where('signInOidc.idHash', '=', hashOf(grantId))
      .execute()
  }

  async function findBy(
    model: string,
    column: 'idHash' | 'uidHash' | 'userCodeHash',
    value: string,
  ): Promise<AdapterPayload | undefined> {
    const row = await table()
      .selectFrom('signInOidc')
      .select(['signInOidc.idHash', 'signInOidc.sealed', 'signInOidc.consumedAtMs'])
      .where('signInOidc.model', '=', model)
      .where(`signInOidc.${column}`, '=', hashOf(value))
      .executeTakeFirst()
    if (!row) return undefined
    const text = Buffer.from(deps.openSecret(row.sealed, contextOf(model, row.idHash))).toString('utf8')
    const payload = JSON.parse(text) as AdapterPayload
    return row.consumedAtMs === null ? payload : { ...payload, consumed: Math.floor(row.consumedAtMs / 1000) }
  }

  const adapter = (model: string): Adapter => ({
    upsert: async (id, payload, expiresIn) => {
      const idHash = hashOf(id)
      const lifeSeconds = Math.min(expiresIn || LONGEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS)
      const row = {
        // A session may be bound to a random part of a token: everything in the payload is sealed with it.
        sealed: deps.sealSecret(Buffer.from(JSON.stringify(payload)), contextOf(model, idHash)),
        grantId: payload.grantId === undefined || model === 'Interaction' ? null : hashOf(payload.grantId),
        uidHash: payload.uid === undefined ? null : hashOf(payload.uid),
        userCodeHash: payload.userCode === undefined ? null : hashOf(payload.userCode),
        accountId: payload.accountId ?? null,
        expiresAtMs: deps.nowMs() + lifeSeconds * 1000,
      }
      await table()
        .insertInto('signInOidc', { model, idHash, consumedAtMs: null, ...row })
        .onConflict((conflict) => conflict.columns(['tenantId', 'model', 'idHash']).doUpdateSet(row))
        .execute()
    },
    find: (id) => findBy(model, 'idHash', id),
    findByUid: (uid) => findBy(model, 'uidHash', uid),
    findByUserCode: (userCode) => findBy(model, 'userCodeHash', userCode),
    consume: async (id) => {
      const row = await table()
        .updateTable('signInOidc')
        .set({ consumedAtMs: deps.nowMs() })
        .where('signInOidc.model', '=', model)
        .where('signInOidc.idHash', '=', hashOf(id))
        .where('signInOidc.consumedAtMs', 'is', null)
        .returning('signInOidc.idHash')
        .executeTakeFirst()
      if (row) return
      // Two came at the same moment with one code or refresh token: one of them stole it, and which is unknown.
      const payload = await findBy(model, 'idHash', id)
      if (payload?.grantId !== undefined) await revokeGrant(payload.grantId)
      throw new errors.InvalidGrant('already used')
    },
    destroy: async (id) => {
      await table()
        .deleteFrom('signInOidc')
        .where('signInOidc.model', '=', model)
        .where('signInOidc.idHash', '=', hashOf(id))
        .execute()
    },
    revokeByGrantId: async (grantId) => {
      await table()
        .deleteFrom('signInOidc')
        .where('signInOidc.model', '=', model)
        .where('signInOidc.grantId', '=', hashOf(grantId))
        .execute()
    },
  })

  return {
    adapter,
    revokeGrant,
    removeSession: async (uid) => {
      await table()
        .deleteFrom('signInOidc')
        .where('signInOidc.model', '=', 'Session')
        .where('signInOidc.uidHash', '=', hashOf(uid))
        .execute()
    },
    removeOfAccount: async (accountId) => {
      await table().deleteFrom('signInOidc').where('signInOidc.accountId', '=', accountId).execute()
    },
    sweep: async () => {
      await table().deleteFrom('signInOidc').where('signInOidc.expiresAtMs', '<=', deps.nowMs()).execute()
    },
  }
}
