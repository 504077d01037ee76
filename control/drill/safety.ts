// Wall one of a drill: the proof, from the policies in force, that its identities reach nothing real. Must never let a
// drill begin, or go on, when a permit might take in a real app.
import { createHash } from 'node:crypto'
import { notKeptFromInternet, possibleReach } from '#core/drill/reach.ts'
import { Fault } from '#core/fault.ts'
import { rulesOf } from '#core/policy/tenant-rules.ts'
import type { TenantRecords } from '#core/records/records.ts'
import type { Row } from '#control/records/from-rows.ts'

const SHOWN = 5

export type Proof = { readonly identities: number; readonly realApps: number; readonly policies: number }

/** What belongs to the drill, by id. */
export type Own = { readonly userIds: ReadonlySet<string>; readonly appIds: ReadonlySet<string> }

/** Throws Fault `drill-unsafe` with the policies and apps; returns what was looked through. */
export function proveSafe(records: Iterable<TenantRecords>, { userIds, appIds }: Own): Proof {
  const rules = rulesOf(records)
  const users = [...rules.users.values()].filter(({ id }) => userIds.has(id))
  const realApps = [...rules.apps.values()].filter(({ id }) => !appIds.has(id))
  const found = possibleReach(
    rules,
    users.map(({ name }) => name),
    realApps.map(({ name }) => name),
    SHOWN,
  )
  if (found.length > 0) {
    const list = found.map(({ app, policy }) => `the app ${app} by the policy ${policy}`).join('; ')
    throw new Fault('drill-unsafe', {
      hint: `They could reach ${list}${found.length === SHOWN ? ', and perhaps more' : ''}. Narrow such policies to groups: drill identities are in none.`,
    })
  }
  const free = notKeptFromInternet(
    rules,
    users.map(({ name }) => name),
  )
  if (free.length > 0)
    throw new Fault('drill-unsafe', { hint: 'Nothing keeps them from the internet: the policy that does is gone.' })
  return { identities: users.length, realApps: realApps.length, policies: rules.policies.size }
}

/** SHA-256 over every resource that is not the drill's. */
export function digestOfOthers(rows: readonly Row<'resources'>[], own: ReadonlySet<string>): string {
  const hash = createHash('sha256')
  for (const { id, kind, name, spec } of rows
    .filter((row) => !own.has(row.id))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1)))
    hash.update(JSON.stringify([id, kind, name, spec]))
  return hash.digest('base64url')
}
