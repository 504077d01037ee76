// Rows of bearer secrets, each with its entry in the index that says which tenant to look in. Must never leave one
// without the other: an entry alone finds nothing, a row alone is never found.
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { TenantTransaction } from '#control/store/tenant-handle.ts'

type New<T extends 'enrolmentTokens' | 'apiTokens', Left extends string> = Omit<Row<T>, 'tenantId' | 'id' | Left>

export async function addEnrolmentToken(
  tx: TenantTransaction,
  token: New<'enrolmentTokens', 'usedAtMs'>,
): Promise<string> {
  const id = newId('enrolmentToken')
  await tx.insertInto('enrolmentTokens', { ...token, id, usedAtMs: null }).execute()
  await index(tx, token.hash, 'enrolmentToken')
  return id
}

export async function addApiToken(tx: TenantTransaction, token: New<'apiTokens', 'lastUsedAtMs'>): Promise<string> {
  const id = newId('apiToken')
  await tx.insertInto('apiTokens', { ...token, id, lastUsedAtMs: null }).execute()
  await index(tx, token.hash, 'apiToken')
  return id
}

/** Throws Fault `not-found`. */
export async function dropEnrolmentToken(tx: TenantTransaction, id: string): Promise<void> {
  const rows = tx.deleteFrom('enrolmentTokens').where('enrolmentTokens.id', '=', id)
  const row = await rows.returning('enrolmentTokens.hash').executeTakeFirst()
  if (!row) throw new Fault('not-found')
  await forgetSecret(tx, row.hash)
}

/** Returns its name. Throws Fault `not-found`. */
export async function dropApiToken(tx: TenantTransaction, id: string): Promise<string> {
  const rows = tx.deleteFrom('apiTokens').where('apiTokens.id', '=', id)
  const row = await rows.returning(['apiTokens.hash', 'apiTokens.name']).executeTakeFirst()
  if (!row) throw new Fault('not-found')
  await forgetSecret(tx, row.hash)
  return row.name
}

async function index(tx: TenantTransaction, hash: string, kind: 'enrolmentToken' | 'apiToken'): Promise<void> {
  await tx.provider.insertInto('secretIndex', { hash, tenantId: tx.tenantId, kind }).execute()
}

async function forgetSecret(tx: TenantTransaction, hash: string): Promise<void> {
  await tx.provider.deleteFrom('secretIndex').where('secretIndex.hash', '=', hash).execute()
}
