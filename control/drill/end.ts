// Ends a drill: everything that its ledger lists is removed, and what is left is compared with what was before. Safe to
// run again after a crash half-way. Must never remove anything that the ledger does not list.
import type { DrillReport } from '#core/api/drill-routes.ts'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import type { ResourceKind } from '#core/resources/kinds.ts'
import type { Change } from '#core/records/records.ts'
import type { ControlContext } from '#control/context.ts'
import type { Row } from '#control/records/from-rows.ts'
import { applyResources } from '#control/resources/apply.ts'
import { openLedger } from './ledger.ts'
import { digestOfOthers } from './safety.ts'

export type EndReason = 'finished' | 'stopped' | 'out-of-time' | 'silent' | 'unsafe' | 'alarm'

/** Throws Faults of the store; call again then. Resolves to the row as it is afterwards. */
export async function endDrill(
  row: Row<'drills'>,
  reason: EndReason,
  report: DrillReport | null,
  context: ControlContext,
): Promise<Row<'drills'>> {
  const { tenantId, id } = row
  const ledger = openLedger(row, context)
  const handle = context.store.forTenant(tenantId)
  await handle.transaction(async (tx) => {
    const connectors = await tx
      .deleteFrom('connectors')
      .where('connectors.groupId', '=', ledger.connectorGroupId)
      .returning('connectors.id')
      .execute()
    await forgetToken(ledger.enrolmentTokenId, tx)
    await tx.appendChanges(connectors.map(({ id }): Change => ({ op: 'remove', kind: 'connector', id })))
  })
  const own = new Set(ledger.resources.map((resource) => resource.id))
  const ended = { endedAtMs: context.nowMs(), endReason: reason, report: report && JSON.stringify(report) }
  let restored = 0
  const present = await handle
    .selectFrom('resources')
    .select(['resources.id', 'resources.kind', 'resources.name'])
    .execute()
  await applyResources(
    tenantId,
    {
      documents: [],
      // By id: a name of the drill that somebody else has taken since is theirs.
      deletes: present
        .filter((resource) => own.has(resource.id))
        .map(({ kind, name }) => ({ kind: kind as ResourceKind, name })),
    },
    context,
    async (tx) => {
      const rows = await tx.selectFrom('resources').selectAll().execute()
      restored = digestOfOthers(rows, own) === ledger.digest && !rows.some((each) => own.has(each.id)) ? 1 : 0
      await tx
        .updateTable('drills')
        .set({ ...ended, restored })
        .where('drills.id', '=', id)
        .execute()
    },
  )
  await tellAfterwards(row, reason, ledger.actors, context)
  return { ...row, ...ended, restored }
}

async function forgetToken(
  tokenId: string,
  tx: Parameters<Parameters<ReturnType<ControlContext['store']['forTenant']>['transaction']>[0]>[0],
): Promise<void> {
  const token = await tx
    .deleteFrom('enrolmentTokens')
    .where('enrolmentTokens.id', '=', tokenId)
    .returning('enrolmentTokens.hash')
    .executeTakeFirst()
  if (token) await tx.provider.deleteFrom('secretIndex').where('secretIndex.hash', '=', token.hash).execute()
}

/** While it ran nothing said so; now the journal does, with the identities, for whoever reads it later. */
async function tellAfterwards(
  row: Row<'drills'>,
  reason: EndReason,
  actors: Readonly<Record<string, { readonly userId: string }>>,
  context: ControlContext,
): Promise<void> {
  await context.journal.record(
    row.tenantId,
    journalEvent('apiActivity', 'other', {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId: row.tenantId,
      outcome: 'success',
      api: { operation: 'endDrill', target: row.id, resourceKind: 'drill' },
      message: `A drill has ended (${reason}); events of these users since ${new Date(row.startedAtMs).toISOString()} were its.`,
      extra: { users: Object.values(actors).map(({ userId }) => userId), startedAtMs: row.startedAtMs, reason },
    }),
  )
}
