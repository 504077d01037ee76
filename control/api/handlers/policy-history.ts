// The history of policies: listed, compared, brought back.
import type { PolicyVersion } from '#core/api/policy-history-routes.ts'
import { Fault } from '#core/fault.ts'
import type { Some } from '#control/api/call.ts'
import { afterTime, containing, pageOfRows, rowsOfPage } from '#control/api/keyset.ts'
import { mapPage } from '#control/api/page.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import { applyResources } from '#control/resources/apply.ts'
import { requireReadable } from '#control/resources/check-policies.ts'
import { newestVersion, policyDifferences, wayBackTo } from '#control/resources/policy-history.ts'
import { policyWarnings } from '#control/resources/policy-warnings.ts'
import type { Row } from '#control/records/from-rows.ts'
import { viewsOfOpenings } from '#control/what-if/widening-approval.ts'
import { askerOf, detailsOf } from './resources.ts'

const shownChanges = 20
/** Of a page; what is beyond is said as a number. */
const rowsShown = 5_000

export const policyHistoryHandlers: Some<'listPolicyVersions' | 'comparePolicyVersions' | 'restorePolicyVersion'> = {
  listPolicyVersions: async ({ tenant, query }) => {
    let all = tenant.selectFrom('policyVersions')
    if (query.search !== undefined) {
      const named = tenant
        .selectFrom('policyChanges')
        .select('policyChanges.version')
        .where('policyChanges.name', 'like', containing(query.search))
      all = all.where('policyVersions.version', 'in', named)
    }
    const { count } = await all.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
    const after = afterTime(query)
    const rest = after === undefined ? all : all.where('policyVersions.version', '<', after[0])
    const rows = await rest.selectAll().orderBy('policyVersions.version', 'desc').limit(rowsOfPage(query)).execute()
    const page = pageOfRows(rows, Number(count), query, ({ version }) => [Number(version), ''] as const)
    const shown = tenant
      .selectFrom('policyChanges')
      .where('policyChanges.version', '>=', Number(page.items.at(-1)?.version ?? 0))
      .where('policyChanges.version', '<=', Number(page.items[0]?.version ?? 0))
    const totals = await shown
      .select((eb) => ['policyChanges.version', eb.fn.countAll<number>().as('count')])
      .groupBy('policyChanges.version')
      .execute()
    const totalOf = new Map(totals.map((row) => [Number(row.version), Number(row.count)]))
    const changes = await shown
      .select((eb) => [
        'policyChanges.version',
        'policyChanges.kind',
        'policyChanges.name',
        eb('policyChanges.before', 'is', null).as('isNew'),
        eb('policyChanges.after', 'is', null).as('isGone'),
      ])
      .orderBy('policyChanges.version', 'desc')
      .orderBy('policyChanges.kind')
      .orderBy('policyChanges.name')
      .limit(rowsShown)
      .execute()
    const byVersion = Map.groupBy(changes, ({ version }) => Number(version))
    return mapPage(page, (row) => {
      const version = Number(row.version)
      return viewOf(row, byVersion.get(version) ?? [], totalOf.get(version) ?? 0)
    })
  },

  comparePolicyVersions: async ({ tenant, query }) =>
    tenant.transaction(async (tx) => {
      const to = query.to ?? (await newestVersion(tx))
      const from = query.from ?? Math.max(0, to - 1)
      const { differences, total } = await policyDifferences(tx, from, to)
      const read = (spec: string | null) => (spec === null ? null : JSON.parse(spec))
      return {
        from,
        to,
        total,
        differences: differences.map(({ kind, name, before, after }) => ({
          kind,
          name,
          before: read(before),
          after: read(after),
        })),
      }
    }),

  restorePolicyVersion: async ({ context, tenant, tenantId, principal, params, body, record, effect }) => {
    const word = params['version'] ?? ''
    if (!/^\d{1,15}$/.test(word)) throw new Fault('not-found')
    const version = Number(word)
    const { dryRun = false, newest } = body
    const way = await tenant.transaction(async (tx) => {
      const now = await newestVersion(tx)
      // What is brought back is worked out from what is in force: another change in between would be undone unseen.
      if (newest !== undefined && newest !== now) throw new Fault('version-conflict')
      return { ...(await wayBackTo(tx, version)), now }
    })
    const documents = await requireReadable(way.documents, context.checkPolicies)
    const applied = await applyResources(
      tenantId,
      {
        documents,
        deletes: way.deletes,
        dryRun,
        asker: askerOf(principal, body),
        why: body.why,
        restores: { version, newest: way.now },
      },
      context,
    )
    if (!dryRun) await record({ target: `policy version ${version}`, details: detailsOf(applied, body.why) })
    return {
      changes: [...applied.changes],
      warnings: policyWarnings(applied.rows, documents),
      openings: viewsOfOpenings(applied.passed.openings),
      effect: applied.sequence === null ? null : await effect(applied.sequence),
    }
  },
}

type Change = {
  readonly kind: string
  readonly name: string
  readonly isNew: unknown
  readonly isGone: unknown
}

function viewOf(row: Row<'policyVersions'>, changes: readonly Change[], total: number): PolicyVersion {
  const { by, why, approvedBy, restores } = row
  return {
    version: Number(row.version),
    at: isoTime(Number(row.atMs)),
    by,
    why,
    approvedBy,
    restores: restores === null ? null : Number(restores),
    changes: changes.slice(0, shownChanges).map(({ kind, name, isNew, isGone }) => ({
      kind,
      name,
      action: isTrue(isNew) ? 'create' : isTrue(isGone) ? 'delete' : 'update',
    })),
    total,
  }
}

/** A truth of SQLite is a number. */
const isTrue = (value: unknown) => value === true || value === 1
