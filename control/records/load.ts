// Everything exchanges must know about one tenant, read in one transaction. Must never mix two moments.
import { Fault } from '#core/fault.ts'
import type { TenantRecords } from '#core/records/records.ts'
import type { ResourceKind } from '#core/resources/kinds.ts'
import { lastSequence } from '#control/store/changes.ts'
import type { Store } from '#control/store/store.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import {
  approvalRecord,
  connectorRecord,
  containmentRecord,
  deviceRecord,
  resourceRecords,
  riskRecord,
  sessionRecord,
  tenantRecord,
  webCredentialRecord,
  type RecordNames,
  type Resolve,
  type Row,
} from './from-rows.ts'
import { readTenantSettings } from './tenant-settings.ts'

export type LoadDeps = {
  readonly store: Store
  readonly identityCaPem: (tenantId: string) => Promise<readonly string[]>
  readonly appsDomain: string
  readonly nowMs: () => number
}

export type LoadedTenant = { readonly sequence: number; readonly records: readonly TenantRecords[] }

/** Throws Fault `not-found` when there is no such tenant. */
export async function loadTenant(tenantId: string, deps: LoadDeps): Promise<LoadedTenant> {
  // Before the transaction: opening keys may itself use the store.
  const identityCaPem = await deps.identityCaPem(tenantId)
  return deps.store.forTenant(tenantId).transaction(async (tx) => {
    const tenant = await readTenant(tx)
    const nowMs = deps.nowMs()
    const resources = await tx.selectFrom('resources').selectAll().orderBy('resources.id').execute()
    const names: RecordNames = {
      resolve: resolver(resources),
      tenantName: tenant.name,
      appsDomain: deps.appsDomain,
    }
    const sessions = await tx
      .selectFrom('sessions')
      .selectAll()
      .where('sessions.endedAtMs', 'is', null)
      .where('sessions.expiresAtMs', '>', nowMs)
      .execute()
    const sessionIds = new Set(sessions.map(({ id }) => id))
    const webCredentials = await tx.selectFrom('webCredentials').selectAll().execute()
    const records: TenantRecords[] = [
      tenantRecord(tenant, await readTenantSettings(tx), identityCaPem),
      ...resources.flatMap((row) => resourceRecords(row, names)),
      ...(await tx.selectFrom('devices').selectAll().execute()).map(deviceRecord),
      ...(await tx.selectFrom('connectors').selectAll().execute()).map(connectorRecord),
      ...sessions.map(sessionRecord).filter((record) => record !== null),
      ...webCredentials.filter(({ sessionId }) => sessionIds.has(sessionId)).map(webCredentialRecord),
      ...(await tx.selectFrom('approvals').selectAll().where('approvals.expiresAtMs', '>', nowMs).execute()).map(
        approvalRecord,
      ),
      ...(await tx.selectFrom('containments').selectAll().where('containments.expiresAtMs', '>', nowMs).execute()).map(
        containmentRecord,
      ),
      ...(await tx.selectFrom('risks').selectAll().execute()).map(riskRecord),
    ]
    return { sequence: await lastSequence(tx), records }
  })
}

/** Throws Fault `not-found`. */
export async function readTenant(handle: TenantHandle): Promise<Row<'tenants'>> {
  const tenant = await handle.provider
    .selectFrom('tenants')
    .selectAll()
    .where('tenants.id', '=', handle.tenantId)
    .executeTakeFirst()
  if (!tenant) throw new Fault('not-found')
  return tenant
}

export function resolver(resources: readonly Pick<Row<'resources'>, 'kind' | 'name' | 'id'>[]): Resolve {
  const ids = new Map(resources.map(({ kind, name, id }) => [`${kind} ${name}`, id]))
  return (kind: ResourceKind, name: string) => {
    const id = ids.get(`${kind} ${name}`)
    if (id === undefined) throw new Fault('reference-unknown', { hint: `There is no ${kind} named ${name}.` })
    return id
  }
}
