// Wall two of a drill, as connectors hold it: salted hashes of drill identities and of canary apps. A connector refuses
// the first anything but the second. Padded to one size, so that a slice does not tell whether a drill runs.
import { createHmac, randomBytes } from 'node:crypto'
import type { ConnectorSlice } from '#core/wire/snapshot.ts'
import type { ControlContext } from '#control/context.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import { openLedger } from './ledger.ts'

const PEOPLE = 10
const APPS = 30

export async function drillWall(
  handle: TenantHandle,
  context: ControlContext,
): Promise<NonNullable<ConnectorSlice['apart']>> {
  const rows = await handle.selectFrom('drills').selectAll().where('drills.endedAtMs', 'is', null).execute()
  const ledgers = rows.map((row) => openLedger(row, context))
  const salt = randomBytes(16).toString('base64url')
  const hashed = (ids: readonly string[], size: number) => {
    const hashes = ids.slice(0, size).map((id) => apartHash(salt, id))
    while (hashes.length < size) hashes.push(randomBytes(32).toString('base64url'))
    return hashes.toSorted()
  }
  return {
    salt,
    people: hashed(
      ledgers.flatMap(({ actors }) => Object.values(actors).map(({ userId }) => userId)),
      PEOPLE,
    ),
    apps: hashed(
      ledgers.flatMap(({ apps }) => Object.values(apps).map(({ appId }) => appId)),
      APPS,
    ),
  }
}

function apartHash(salt: string, id: string): string {
  return createHmac('sha256', salt).update(id).digest('base64url')
}
