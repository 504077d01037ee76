// Declarative resources: list, read, put, delete, apply.
import { Fault } from '#core/fault.ts'
import type { Resource } from '#core/api/views.ts'
import { resourceKindNames, resourceKinds, type ResourceKind } from '#core/resources/kinds.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import type { Row } from '#control/records/from-rows.ts'
import { applyResources } from '#control/resources/apply.ts'
import { requireReadable } from '#control/resources/check-policies.ts'
import { DocumentsFault, readDocuments } from '#control/resources/document-faults.ts'
import { policyWarnings } from '#control/resources/policy-warnings.ts'
import type { Applied } from '#control/resources/apply.ts'
import { viewsOfOpenings } from '#control/what-if/widening-approval.ts'
import type { Asker } from '#control/what-if/hold-back.ts'
import type { ApiContext, Some } from '#control/api/call.ts'
import type { Principal } from '#control/api/principal.ts'
import { afterName, containing, pageOfRows, rowsOfPage } from '#control/api/keyset.ts'
import { mapPage } from '#control/api/page.ts'

export const resourceHandlers: Some<'listResources' | 'getResource' | 'putResource' | 'deleteResource' | 'apply'> = {
  listResources: async ({ tenant, params, query }) => {
    const kind = kindOfPlural(params['plural'])
    const after = afterName(query)
    let all = tenant.selectFrom('resources').where('resources.kind', '=', kind)
    if (query.search !== undefined) all = all.where('resources.name', 'like', containing(query.search))
    const { count } = await all.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
    const rest = after === undefined ? all : all.where('resources.name', '>', after)
    const rows = await rest.selectAll().orderBy('resources.name').limit(rowsOfPage(query)).execute()
    const page = pageOfRows(rows, Number(count), query, ({ name }) => name)
    return mapPage(page, resourceView)
  },

  getResource: async ({ tenant, params }) => {
    const row = await tenant
      .selectFrom('resources')
      .selectAll()
      .where('resources.kind', '=', kindOfPlural(params['plural']))
      .where('resources.name', '=', params['name'] ?? '')
      .executeTakeFirst()
    if (!row) throw new Fault('not-found')
    return resourceView(row)
  },

  putResource: async ({ context, tenant, tenantId, principal, params, body, record }) => {
    const kind = kindOfPlural(params['plural'])
    const name = params['name'] ?? ''
    const { documents, faults } = readDocuments([{ kind, name, spec: body.spec }])
    if (faults.length > 0) throw new DocumentsFault(faults.map((fault) => ({ ...fault, at: withoutIndex(fault.at) })))
    const applied = await applyResources(
      tenantId,
      {
        documents,
        asker: askerOf(principal, body),
        why: body.why,
        ...(body.version !== undefined && { version: body.version }),
      },
      context,
    )
    await record({ target: name, resourceKind: kind, details: detailsOf(applied, body.why) })
    await endSignInOfDisabled(tenantId, applied, context)
    const row = await tenant
      .selectFrom('resources')
      .selectAll()
      .where('resources.kind', '=', kind)
      .where('resources.name', '=', name)
      .executeTakeFirst()
    if (!row) throw new Fault('not-found')
    return resourceView(row)
  },

  deleteResource: async ({ context, tenant, tenantId, principal, params, query, record, effect }) => {
    const kind = kindOfPlural(params['plural'])
    const name = params['name'] ?? ''
    const row = await tenant
      .selectFrom('resources')
      .select('resources.id')
      .where('resources.kind', '=', kind)
      .where('resources.name', '=', name)
      .executeTakeFirst()
    if (!row) throw new Fault('not-found')
    const { allowWidening, wideningApproval, why } = query
    const asker = askerOf(principal, { allowWidening: allowWidening === 'true', wideningApproval })
    const applied = await applyResources(tenantId, { documents: [], deletes: [{ kind, name }], asker, why }, context)
    await record({
      target: name,
      resourceKind: kind,
      details: { ...openingsOf(applied), ...(why !== undefined && { why }) },
    })
    if (kind === 'User') await context.links.signIn?.forgetUser(tenantId, row.id)
    return effect(applied.sequence)
  },

  apply: async ({ context, tenantId, principal, body, record, effect }) => {
    const documents = await requireReadable(body.documents, context.checkPolicies)
    const { dryRun = false, prune = false } = body
    const asker = askerOf(principal, body)
    const applied = await applyResources(tenantId, { documents, dryRun, prune, asker, why: body.why }, context)
    const changes = [...applied.changes]
    if (!dryRun) {
      await record({ target: 'apply', details: detailsOf(applied, body.why) })
      await endSignInOfDisabled(tenantId, applied, context)
    }
    const warnings = policyWarnings(applied.rows, documents)
    const openings = viewsOfOpenings(applied.passed.openings)
    return { changes, warnings, openings, effect: applied.sequence === null ? null : await effect(applied.sequence) }
  },
}

function kindOfPlural(plural: string | undefined): ResourceKind {
  const kind = resourceKindNames.find((name) => resourceKinds[name].plural === plural)
  if (kind === undefined) throw new Fault('not-found')
  return kind
}

/** Write-only fields are kept apart from the spec, so nothing has to be left out here. */
export function resourceView(row: Row<'resources'>): Resource {
  const { kind, id, name, version } = row
  return {
    kind,
    id,
    name,
    spec: JSON.parse(row.spec),
    version,
    createdAt: isoTime(row.createdAtMs),
    updatedAt: isoTime(row.updatedAtMs),
  }
}

/** Names and fields of what changed, bounded: an event has 64 KiB. */
export function detailsOf(applied: Applied, why?: string): Record<string, unknown> {
  const changed = applied.changes.filter(({ action }) => action !== 'unchanged')
  return {
    changes: changed.slice(0, 200).map(({ kind, name, action, fields }) => ({
      kind,
      name,
      action,
      fields: fields.slice(0, 20),
    })),
    total: changed.length,
    ...openingsOf(applied),
    ...(why !== undefined && { why }),
  }
}

/** What was opened is on record, with whoever else said yes to it. */
function openingsOf({ passed: { openings, approvedBy } }: Applied): Record<string, unknown> {
  if (openings.length === 0) return {}
  return {
    opens: openings.slice(0, 50).map(({ who, app }) => `${app} to ${who}`),
    opensTotal: openings.length,
    ...(approvedBy !== null && { approvedBy }),
  }
}

type Consent = { readonly allowWidening?: boolean | undefined; readonly wideningApproval?: string | undefined }

export function askerOf({ userId, userName }: Principal, { allowWidening = false, wideningApproval }: Consent): Asker {
  return { userId, userName, allowWidening, wideningApproval }
}

async function endSignInOfDisabled(tenantId: string, applied: Applied, context: ApiContext): Promise<void> {
  for (const row of applied.written)
    if (row.kind === 'User' && JSON.parse(row.spec).status === 'disabled')
      await context.links.signIn?.endUserSessions(tenantId, row.id)
}

function withoutIndex(at: string): string {
  return at.replace(/^documents\[0\]\.?/, '')
}
