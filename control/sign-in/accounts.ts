// Accounts of the built-in identity provider: password hash, TOTP secret, passkeys. Must never hand a secret out
// except to the code that verifies it, and never accept a one-time code or a passkey counter twice.
import { randomBytes } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import type { SignInDeps } from '#control/sign-in-seam.ts'
import { caps } from './caps.ts'
import type { PasskeyRow } from './schema.ts'
import { totpStep } from './totp.ts'
import { sealedPlaces } from '#control/authority/sealed-places.ts'

export type Account = {
  readonly userId: string
  readonly subject: string
  readonly passwordHash: string | null
  readonly hasTotp: boolean
}
export type Passkey = Omit<PasskeyRow, 'tenantId'>
export type NewPasskey = Omit<Passkey, 'createdAtMs' | 'lastUsedAtMs' | 'userId'>

export type Accounts = {
  readonly find: (tenantId: string, userId: string) => Promise<Account | undefined>
  readonly findBySubject: (tenantId: string, subject: string) => Promise<Account | undefined>
  /** The account of the user, made when there is none. */
  readonly ensure: (tenantId: string, userId: string) => Promise<Account>
  readonly setPassword: (tenantId: string, userId: string, hash: string | null) => Promise<void>
  readonly setTotp: (tenantId: string, userId: string, secret: Uint8Array | null) => Promise<void>
  /** True once per code. */
  readonly acceptTotp: (tenantId: string, userId: string, code: string) => Promise<boolean>
  readonly passkeys: (tenantId: string, userId: string) => Promise<readonly Passkey[]>
  readonly passkey: (tenantId: string, credentialId: string) => Promise<Passkey | undefined>
  readonly addPasskey: (tenantId: string, userId: string, passkey: NewPasskey) => Promise<void>
  /** False when the counter did not move on from what was read: someone used it in the meantime. */
  readonly usePasskey: (tenantId: string, passkey: Passkey, counter: number) => Promise<boolean>
  readonly removePasskey: (tenantId: string, userId: string, credentialId: string) => Promise<boolean>
  readonly remove: (tenantId: string, userId: string) => Promise<void>
}

export function createAccounts(deps: Pick<SignInDeps, 'store' | 'sealSecret' | 'openSecret' | 'nowMs'>): Accounts {
  const { store, nowMs } = deps
  const contextOf = (tenantId: string, userId: string) => sealedPlaces.totp.context({ tenantId, userId })

  async function row(tenantId: string, column: 'userId' | 'subject', value: string) {
    return store
      .forTenant(tenantId)
      .selectFrom('signInAccounts')
      .selectAll('signInAccounts')
      .where(`signInAccounts.${column}`, '=', value)
      .executeTakeFirst()
  }
  async function find(tenantId: string, column: 'userId' | 'subject', value: string): Promise<Account | undefined> {
    const found = await row(tenantId, column, value)
    if (!found) return undefined
    const { userId, subject, passwordHash, totpSealed } = found
    return { userId, subject, passwordHash, hasTotp: totpSealed !== null }
  }
  async function update(
    tenantId: string,
    userId: string,
    change: { passwordHash: string | null } | { totpSealed: string | null; totpLastStep: number },
  ): Promise<void> {
    await store
      .forTenant(tenantId)
      .updateTable('signInAccounts')
      .set({ ...change, updatedAtMs: nowMs() })
      .where('signInAccounts.userId', '=', userId)
      .execute()
  }

  return {
    find: (tenantId, userId) => find(tenantId, 'userId', userId),
    findBySubject: (tenantId, subject) => find(tenantId, 'subject', subject),
    ensure: async (tenantId, userId) => {
      const now = nowMs()
      await store
        .forTenant(tenantId)
        .insertInto('signInAccounts', {
          userId,
          subject: randomBytes(32).toString('base64url'),
          passwordHash: null,
          totpSealed: null,
          totpLastStep: 0,
          createdAtMs: now,
          updatedAtMs: now,
        })
        .onConflict((conflict) => conflict.columns(['tenantId', 'userId']).doNothing())
        .execute()
      const account = await find(tenantId, 'userId', userId)
      if (!account) throw new Fault('store-failed')
      return account
    },
    setPassword: (tenantId, userId, passwordHash) => update(tenantId, userId, { passwordHash }),
    setTotp: (tenantId, userId, secret) =>
      update(tenantId, userId, {
        totpSealed: secret === null ? null : deps.sealSecret(secret, contextOf(tenantId, userId)),
        totpLastStep: 0,
      }),
    acceptTotp: async (tenantId, userId, code) => {
      const found = await row(tenantId, 'userId', userId)
      if (!found?.totpSealed) return false
      const secret = deps.openSecret(found.totpSealed, contextOf(tenantId, userId))
      const step = totpStep(secret, code, nowMs(), found.totpLastStep)
      if (step === undefined) return false
      const moved = await store
        .forTenant(tenantId)
        .updateTable('signInAccounts')
        .set({ totpLastStep: step })
        .where('signInAccounts.userId', '=', userId)
        .where('signInAccounts.totpLastStep', '<', step)
        .returning('signInAccounts.userId')
        .executeTakeFirst()
      return moved !== undefined
    },
    passkeys: (tenantId, userId) =>
      store
        .forTenant(tenantId)
        .selectFrom('signInPasskeys')
        .selectAll('signInPasskeys')
        .where('signInPasskeys.userId', '=', userId)
        .orderBy('signInPasskeys.createdAtMs')
        .limit(caps.passkeysPerUser.default)
        .execute(),
    passkey: (tenantId, credentialId) =>
      store
        .forTenant(tenantId)
        .selectFrom('signInPasskeys')
        .selectAll('signInPasskeys')
        .where('signInPasskeys.credentialId', '=', credentialId)
        .executeTakeFirst(),
    addPasskey: async (tenantId, userId, passkey) => {
      await store.forTenant(tenantId).transaction(async (tx) => {
        const { count } = await tx
          .selectFrom('signInPasskeys')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .where('signInPasskeys.userId', '=', userId)
          .executeTakeFirstOrThrow()
        if (Number(count) >= caps.passkeysPerUser.default) {
          throw new Fault('not-permitted', { hint: 'Remove a passkey first; there are too many.' })
        }
        await tx
          .insertInto('signInPasskeys', { ...passkey, userId, createdAtMs: nowMs(), lastUsedAtMs: null })
          .execute()
      })
    },
    usePasskey: async (tenantId, passkey, counter) => {
      const moved = await store
        .forTenant(tenantId)
        .updateTable('signInPasskeys')
        .set({ counter, lastUsedAtMs: nowMs() })
        .where('signInPasskeys.credentialId', '=', passkey.credentialId)
        .where('signInPasskeys.counter', '=', passkey.counter)
        .returning('signInPasskeys.credentialId')
        .executeTakeFirst()
      return moved !== undefined
    },
    removePasskey: async (tenantId, userId, credentialId) => {
      const removed = await store
        .forTenant(tenantId)
        .deleteFrom('signInPasskeys')
        .where('signInPasskeys.userId', '=', userId)
        .where('signInPasskeys.credentialId', '=', credentialId)
        .returning('signInPasskeys.credentialId')
        .executeTakeFirst()
      return removed !== undefined
    },
    remove: async (tenantId, userId) => {
      const handle = store.forTenant(tenantId)
      await handle.deleteFrom('signInPasskeys').where('signInPasskeys.userId', '=', userId).execute()
      await handle.deleteFrom('signInAccounts').where('signInAccounts.userId', '=', userId).execute()
    },
  }
}
