// What a restored store must not take over from the day of its backup: the name of its life, and everything that was
// alive then and may have been ended since. Must never end what a person declared: apps, users, keys, policies.
import { startStore, type StoreConfig } from '#control/store/store.ts'

/** Brings the tables up to date, ends what was alive unless told otherwise, and returns how many sessions that were. */
export async function settleRestored(
  target: StoreConfig,
  isKeepingSessions: boolean,
  nowMs: () => number,
): Promise<number> {
  await using store = await startStore(target, { nowMs })
  // Exchanges that know a later sequence must see that this is another life, and take everything anew.
  await store.provider.deleteFrom('settings').where('settings.name', '=', 'epoch').execute()
  if (isKeepingSessions) return 0
  const tenants = await store.provider.selectFrom('tenants').select('tenants.id').execute()
  let ended = 0
  for (const { id } of tenants) {
    ended += await store.forTenant(id).transaction(async (tx) => {
      const alive = await tx
        .updateTable('sessions')
        .set({ endedAtMs: nowMs(), endReason: 'restored' })
        .where('sessions.endedAtMs', 'is', null)
        .executeTakeFirst()
      const unused = await tx
        .deleteFrom('enrolmentTokens')
        .where('enrolmentTokens.usedAtMs', 'is', null)
        .returning('enrolmentTokens.hash')
        .execute()
      for (const { hash } of unused)
        await tx.provider.deleteFrom('secretIndex').where('secretIndex.hash', '=', hash).execute()
      await tx.deleteFrom('webCredentials').execute()
      for (const table of ['signInOneTime', 'signInOidc', 'signInGrants', 'signInLogins'] as const)
        await tx.deleteFrom(table).execute()
      return Number(alive.numUpdatedRows)
    })
  }
  return ended
}
