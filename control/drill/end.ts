// Ends a drill: everything that its ledger lists is removed, and what is left is compared with what was before. Safe to
// run again after a crash half-way. Must never remove anything that the ledger does not list, nor be kept from ending
// because something else has come to refer to what it made.
import type { DrillReport } from '#core/api/drill-routes.ts'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import type { ResourceKind } from '#core/resources/kinds.ts'
import type { Change } from '#core/records/records.ts'
import type { ControlContext } from '#control/context.ts'
import type { Row } from '#control/records/from-rows.ts'
import { applyResources } from '#control/resources/apply.ts'
import type { Document } from '#control/resources/document.ts'
import { documentOf } from '#control/resources/plan.ts'
import { referencesOf } from '#control/resources/references.ts'
import { keepGaps } from './gaps.ts'
import { openLedger } from './ledger.ts'
import { digestOfOthers } from './safety.ts'

export type EndReason = 'finished' | 'stopped' | 'out-of-time' | 'silent' | 'unsafe' | 'alarm' | 'load'

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
  const present = await handle.selectFrom('resources').selectAll().execute()
  // By id: a name of the drill that somebody else has taken since is theirs.
  const made = present.filter((resource) => own.has(resource.id))
  const held = referredTo(made, present)
  await applyResources(
    tenantId,
    {
      documents: held.map((row, index) => ({ at: `drill[${index}]`, value: inert(documentOf(row)) })),
      deletes: made
        .filter((row) => !held.includes(row))
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
      if (report !== null)
        await keepGaps(tx, { id, startedBy: row.startedBy, scenario: ledger.scenario.drill }, report, context.nowMs())
      // Within: a drill that has ended and was never told of would be nobody's doing.
      const left = held.map(({ kind, name }) => `${kind} ${name}`)
      await tellAfterwards(row, { reason, actors: ledger.actors, left }, context)
    },
  )
  return { ...row, ...ended, restored }
}

/** What the drill made and something else refers to by now, with all that it needs itself: it cannot be removed. */
function referredTo(made: readonly Row<'resources'>[], all: readonly Row<'resources'>[]): Row<'resources'>[] {
  const left = new Map(made.map((row) => [`${row.kind} ${row.name}`, row]))
  const held: Row<'resources'>[] = []
  const looking = all.filter((row) => !made.includes(row))
  for (let row = looking.pop(); row !== undefined; row = looking.pop())
    for (const { kind, name } of referencesOf(documentOf(row))) {
      const found = left.get(`${kind} ${name}`)
      if (found === undefined) continue
      left.delete(`${kind} ${name}`)
      held.push(found)
      looking.push(found)
    }
  return held
}

/** It stays for whatever refers to it, and is good for nothing. */
function inert(document: Document): Document {
  if (document.kind === 'User') return { ...document, spec: { ...document.spec, status: 'disabled' } }
  if (document.kind === 'App') return { ...document, spec: { ...document.spec, enabled: false } }
  return document
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

type Afterwards = {
  readonly reason: EndReason
  readonly actors: Readonly<Record<string, { readonly userId: string }>>
  /** What could not be removed, by kind and name. */
  readonly left: readonly string[]
}

/** While it ran nothing said so; now the journal does, with the identities, for whoever reads it later. */
async function tellAfterwards(
  row: Row<'drills'>,
  { reason, actors, left }: Afterwards,
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
      extra: { users: Object.values(actors).map(({ userId }) => userId), startedAtMs: row.startedAtMs, reason, left },
    }),
  )
}
