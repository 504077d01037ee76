// Makes a tenant's resources so: all of it or nothing, in one transaction, with the changes that exchanges get.
// Must never leave a document half applied, nor put a policy in force that the official engine did not accept.
import { Fault, isFault } from '#core/fault.ts'
import type { Change } from '#core/records/records.ts'
import type { Document } from './document.ts'
import { secretEquals } from '#transport/secret.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { endSessionsOf, removeApp, removeUser } from '#control/directory/cascade.ts'
import { requireAdministrator } from '#control/directory/last-administrator.ts'
import { resourceRecords, specOf, type RecordNames } from '#control/records/from-rows.ts'
import { readTenant, resolver } from '#control/records/load.ts'
import { readTenantSettings } from '#control/records/tenant-settings.ts'
import { inParts } from '#control/store/store.ts'
import type { TenantTransaction } from '#control/store/tenant-handle.ts'
import { requirePassing, type Asker, type Passed } from '#control/what-if/hold-back.ts'
import { checkPolicyDocuments } from './check-policies.ts'
import { DocumentsFault, type Placed } from './document-faults.ts'
import { requireFit } from './sizes.ts'
import { keepPolicyVersion, newestVersion } from './policy-history.ts'
import { planApply, type ApplyChange, type Plan, type ResourceKey, type ResourceRow } from './plan.ts'
import { sealedPlaces } from '#control/authority/sealed-places.ts'

export type ApplyRequest = {
  readonly documents: readonly Placed<Document>[]
  readonly deletes?: readonly ResourceKey[]
  readonly prune?: boolean
  readonly dryRun?: boolean
  /** Refuse with `version-conflict` when the one document's row has another version. */
  readonly version?: number
  /** An administrator asks: policy tests must hold, and what the change opens must have been said yes to. */
  readonly asker?: Asker
  /** Why, for the history of the policies. */
  readonly why?: string | undefined
  /** Brings an earlier version of the policies back, worked out when `newest` was the newest: else `version-conflict`. */
  readonly restores?: { readonly version: number; readonly newest: number }
}
export type Applied = {
  readonly changes: readonly ApplyChange[]
  /** Null when nothing that exchanges see has changed. */
  readonly sequence: number | null
  readonly written: readonly ResourceRow[]
  /** All rows as they are now; of a dry run, as they would be. */
  readonly rows: readonly ResourceRow[]
  /** What it opens to outsiders or to everybody, and who approved that. */
  readonly passed: Passed
}

/** Throws DocumentsFault (with the place of each fault), WideningFault, `version-conflict`, `last-administrator`. */
export async function applyResources(
  tenantId: string,
  request: ApplyRequest,
  context: ControlContext,
  alsoInside: (tx: TenantTransaction, plan: Plan) => Promise<void> = async () => {},
): Promise<Applied> {
  const { checked, faults } = await checkPolicyDocuments(request.documents, context.checkPolicies)
  return context.store.forTenant(tenantId).transaction(async (tx) => {
    const tenant = await readTenant(tx)
    const rows = await tx.selectFrom('resources').selectAll().execute()
    const plan = planApply({
      rows,
      documents: request.documents,
      deletes: request.deletes ?? [],
      prune: request.prune ?? false,
      checked,
      ownHosts: (await readTenantSettings(tx)).ownHosts,
      tenantName: tenant.name,
      appsDomain: context.config.appsDomain,
      tenantId,
      nowMs: context.nowMs(),
      sealSecret: (secret, id) =>
        context.sealer.seal(Buffer.from(secret), sealedPlaces.resourceSecret.context({ tenantId, id })),
      sameSecret: (sealed, secret, id) =>
        sealed !== null &&
        secretEquals(context.sealer.open(sealed, sealedPlaces.resourceSecret.context({ tenantId, id })), secret),
    })
    // All that is wrong at once: mending one mistake for each try is how people lose an afternoon.
    if (faults.length + plan.faults.length > 0) throw new DocumentsFault([...faults, ...plan.faults])
    if (rows.length + plan.puts.length > caps.resourcesPerTenant.default) throw new Fault('at-capacity')
    const [only] = request.documents
    if (request.version !== undefined && only) {
      const row = rows.find(({ kind, name }) => kind === only.value.kind && name === only.value.name)
      if ((row?.version ?? 0) !== request.version) throw new Fault('version-conflict')
    }
    const after = rowsAfter(rows, plan)
    const { asker, dryRun = false, prune = false, deletes = [] } = request
    const names = { tenantName: tenant.name, appsDomain: context.config.appsDomain }
    const pass = () => {
      if (asker === undefined) return nothingOpened
      const namesOf = (all: readonly ResourceRow[]) => ({ ...names, resolve: resolver(all) })
      const change = { tenantId, plan, before: rows, after, documents: request.documents, deletes, prune, dryRun }
      return requirePassing({ ...change, names: namesOf, asker }, tx, context)
    }
    if (dryRun) return { changes: plan.changes, sequence: null, written: [], rows: after, passed: await pass() }
    const changes = await write(tx, plan, after, {
      ...names,
      nowMs: context.nowMs(),
      documents: request.documents,
    })
    // After what is wrong with the documents themselves: that has to be mended before anybody asks for approval.
    const passed = await pass()
    await alsoInside(tx, plan)
    const { restores } = request
    if (restores && (await newestVersion(tx)) !== restores.newest) throw new Fault('version-conflict')
    await keepPolicyVersion(tx, plan, {
      by: asker?.userName ?? 'sallyport',
      why: request.why ?? null,
      approvedBy: passed.approvedBy === null ? null : (after.find(({ id }) => id === passed.approvedBy)?.name ?? null),
      restores: restores?.version ?? null,
      atMs: context.nowMs(),
    })
    if (touchesAdministrators(plan)) await requireAdministratorLeft(tx, plan, request.documents)
    const sequence = changes.length > 0 ? await tx.appendChanges(changes) : null
    return { changes: plan.changes, sequence, written: plan.puts.map((put) => put.after), rows: after, passed }
  })
}

/** Throws DocumentsFault (`last-administrator`) with the places of those who would be gone. */
async function requireAdministratorLeft(
  tx: TenantTransaction,
  plan: Plan,
  documents: readonly Placed<Document>[],
): Promise<void> {
  try {
    await requireAdministrator(tx)
  } catch (error) {
    if (!isFault(error, 'last-administrator')) throw error
    const holders = new Set((await tx.selectFrom('roles').select('roles.userId').execute()).map(({ userId }) => userId))
    const placed = new Map(documents.map(({ at, value }) => [`${value.kind} ${value.name}`, at]))
    const disabled = plan.puts
      .map(({ after }) => after)
      .filter((row) => row.kind === 'User' && specOf('User', row).status === 'disabled')
      .map(({ id, name }) => ({ id, at: `${placed.get(`User ${name}`) ?? `User ${name}`}.spec.status` }))
    const deleted = plan.deletes
      .filter(({ kind }) => kind === 'User')
      .map(({ id, name }) => ({ id, at: `User ${name}` }))
    const faults = [...disabled, ...deleted]
      .filter(({ id }) => plan.deletes.some((row) => row.id === id) || holders.has(id))
      .map(({ at }) => ({ at, message: 'without them no administrator is left', code: 'last-administrator' as const }))
    throw faults.length === 0 ? error : new DocumentsFault(faults)
  }
}

const nothingOpened: Passed = { openings: [], approvedBy: null }

type WriteFacts = Pick<RecordNames, 'tenantName' | 'appsDomain'> & {
  readonly nowMs: number
  readonly documents: readonly Placed<Document>[]
}

async function write(
  tx: TenantTransaction,
  plan: Plan,
  rows: readonly ResourceRow[],
  facts: WriteFacts,
): Promise<Change[]> {
  const changes: Change[] = []
  for (const row of plan.deletes) changes.push(...(await remove(tx, row, facts.nowMs)))
  for (const part of inParts(plan.puts.filter(({ before }) => before === undefined)))
    await tx
      .insertInto(
        'resources',
        part.map(({ after }) => after),
      )
      .execute()
  for (const { before, after } of plan.puts) {
    if (before !== undefined) {
      const { spec, version, updatedAtMs, derived, sealed } = after
      await tx
        .updateTable('resources')
        .set({ spec, version, updatedAtMs, derived, sealed })
        .where('resources.id', '=', after.id)
        .execute()
    }
    if (after.kind === 'User') changes.push(...(await afterUser(tx, before, after, facts.nowMs)))
  }
  const names: RecordNames = { resolve: resolver(rows), ...facts }
  requireFit({ plan, next: rows, names, documents: facts.documents })
  for (const { before, after } of plan.puts) {
    const records = resourceRecords(after, names)
    changes.push(...records.map((record) => ({ op: 'put' as const, record })))
    if (after.kind === 'Policy' && before)
      for (const old of resourceRecords(before, names))
        if (!records.some(({ id }) => id === old.id)) changes.push({ op: 'remove', kind: 'policy', id: old.id })
  }
  return changes
}

function rowsAfter(rows: readonly ResourceRow[], { puts, deletes }: Plan): readonly ResourceRow[] {
  const gone = new Set(deletes.map(({ id }) => id))
  const next = new Map(rows.filter(({ id }) => !gone.has(id)).map((row) => [row.id, row]))
  for (const { after } of puts) next.set(after.id, after)
  return [...next.values()]
}

async function remove(tx: TenantTransaction, row: ResourceRow, nowMs: number): Promise<Change[]> {
  const changes: Change[] = []
  if (row.kind === 'User') changes.push(...(await removeUser(tx, row.id, nowMs)))
  if (row.kind === 'App') changes.push(...(await removeApp(tx, row.id)))
  if (row.kind === 'ConnectorGroup') await requireNoConnector(tx, row)
  // Names inside are not looked up: what is removed is known by id alone.
  const records = resourceRecords(row, { resolve: () => '', tenantName: '', appsDomain: '' })
  changes.push(...records.map(({ kind, id }) => ({ op: 'remove' as const, kind, id })))
  await tx.deleteFrom('resources').where('resources.id', '=', row.id).execute()
  return changes
}

async function requireNoConnector(tx: TenantTransaction, row: ResourceRow): Promise<void> {
  const connector = await tx
    .selectFrom('connectors')
    .select('connectors.name')
    .where('connectors.groupId', '=', row.id)
    .where('connectors.status', '=', 'active')
    .executeTakeFirst()
  if (connector)
    throw new Fault('still-referenced', {
      hint: `The connector ${connector.name} belongs to ${row.name}; revoke it first.`,
    })
}

/** Declared identities follow the document; a user who is no longer active has no session. */
async function afterUser(
  tx: TenantTransaction,
  before: ResourceRow | undefined,
  after: ResourceRow,
  nowMs: number,
): Promise<Change[]> {
  const spec = specOf('User', after)
  await tx
    .deleteFrom('identities')
    .where('identities.userId', '=', after.id)
    .where('identities.source', '=', 'declared')
    .execute()
  for (const { issuer, subject } of spec.identities ?? []) {
    const taken = await tx
      .selectFrom('identities')
      .select('identities.userId')
      .where('identities.issuer', '=', issuer)
      .where('identities.subject', '=', subject)
      .executeTakeFirst()
    if (taken && taken.userId !== after.id)
      throw new Fault('name-taken', { hint: `An identity of the user ${after.name} belongs to another user.` })
    if (!taken) await tx.insertInto('identities', { issuer, subject, userId: after.id, source: 'declared' }).execute()
  }
  if (!before || (spec.status ?? 'active') === 'active') return []
  return endSessionsOf(tx, { userId: after.id }, 'user-disabled', nowMs)
}

function touchesAdministrators(plan: Plan): boolean {
  const isDisabled = (row: ResourceRow) => row.kind === 'User' && specOf('User', row).status === 'disabled'
  return plan.deletes.some(({ kind }) => kind === 'User') || plan.puts.some(({ after }) => isDisabled(after))
}
