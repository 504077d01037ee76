// The epoch: a random name for one life of the store, so that exchanges notice when a backup was put back.
import { newSecret } from '#transport/secret.ts'
import { isUniqueViolation, type Store } from '#control/store/store.ts'

export async function readEpoch(store: Store): Promise<string> {
  const read = () =>
    store.provider
      .selectFrom('settings')
      .select('settings.value')
      .where('settings.name', '=', 'epoch')
      .executeTakeFirst()
  const known = await read()
  if (known) return known.value
  await store.provider
    .insertInto('settings', { name: 'epoch', value: newSecret('epoch', 16) })
    .execute()
    .catch((error: unknown) => {
      if (!isUniqueViolation(error)) throw error
    })
  return (await read())?.value ?? ''
}
