// Declarative resources: list, read, put, delete, apply.
import { Fault } from '#core/fault.ts'
import type { Resource } from '#core/api/views.ts'
import { resourceKindNames, resourceKinds, type ResourceKind } from '#core/resources/kinds.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import type { Row } from '#control/records/from-rows.ts'
import { applyResources } from '#control/resources/apply.ts'
import { DocumentsFault, readDocuments } from '#control/resources/document-faults.ts'
import { policyWarnings } from '#control/resources/policy-warnings.ts'
import type { Applied } from '#control/resources/apply.ts'
import type { ApiContext, Some } from '#control/api/call.ts'
import { mapPage, pageOf } from '#control/api/page.ts'

export const resourceHandlers: Some<'listResources' | 'getResource' | 'putResource' | 'deleteResource' | 'apply'> = {
  listResources: async ({ tenant, params, query }) => {
    const rows = await tenant
      .selectFrom('resources')
      .selectAll()
      .where('resources.kind', '=', kindOfPlural(params['plural']))
      .execute()
    return mapPage(
      pageOf(rows, query, ({ name }) => name),
      resourceView,
    )
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

  putResource: async ({ context, tenant, tenantId, params, body, record }) => {
    const kind = kindOfPlural(params['plural'])
    const name = params['name'] ?? ''
    const { documents, faults } = readDocuments([{ kind, name, spec: body.spec }])
    if (faults.length > 0) throw new DocumentsFault(faults.map((fault) => ({ ...fault, at: withoutIndex(fault.at) })))
    const applied = await applyResources(
      tenantId,
      { documents, ...(body.version !== undefined && { version: body.version }) },
      context,
    )
    await record({ target: name, resourceKind: kind, details: detailsOf(applied) })
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

  deleteResource: async ({ context, tenant, tenantId, params, record, effect }) => {
    const kind = kindOfPlural(params['plural'])
    const name = params['name'] ?? ''
    const row = await tenant
      .selectFrom('resources')
      .select('resources.id')
      .where('resources.kind', '=', kind)
      .where('resources.name', '=', name)
      .executeTakeFirst()
    if (!row) throw new Fault('not-found')
    const applied = await applyResources(tenantId, { documents: [], deletes: [{ kind, name }] }, context)
    await record({ target: name, resourceKind: kind })
    if (kind === 'User') await context.links.signIn?.forgetUser(tenantId, row.id)
    return effect(applied.sequence)
  },

  apply: async ({ context, tenantId, body, record, effect }) => {
    const { documents, faults } = readDocuments(body.documents)
    if (faults.length > 0) throw new DocumentsFault(faults)
    const { dryRun = false, prune = false } = body
    const applied = await applyResources(tenantId, { documents, dryRun, prune }, context)
    const changes = [...applied.changes]
    if (!dryRun) {
      await record({ target: 'apply', details: detailsOf(applied) })
      await endSignInOfDisabled(tenantId, applied, context)
    }
    const warnings = policyWarnings(applied.rows, documents)
    return { changes, warnings, effect: applied.sequence === null ? null : await effect(applied.sequence) }
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
function detailsOf(applied: Applied): Record<string, unknown> {
  const changed = applied.changes.filter(({ action }) => action !== 'unchanged')
  return {
    changes: changed.slice(0, 200).map(({ kind, name, action, fields }) => ({
      kind,
      name,
      action,
      fields: fields.slice(0, 20),
    })),
    total: changed.length,
  }
}

async function endSignInOfDisabled(tenantId: string, applied: Applied, context: ApiContext): Promise<void> {
  for (const row of applied.written)
    if (row.kind === 'User' && JSON.parse(row.spec).status === 'disabled')
      await context.links.signIn?.endUserSessions(tenantId, row.id)
}

function withoutIndex(at: string): string {
  return at.replace(/^documents\[0\]\.?/, '')
}
