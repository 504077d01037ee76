// The dead man's switch: ends drills that are out of time, silent, or no longer provably safe. Must never rest on the
// conductor: control alone looks at its clock, its heartbeats and the policies in force.
import { availableParallelism, loadavg } from 'node:os'
import { isFault } from '#core/fault.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import type { Row } from '#control/records/from-rows.ts'
import { startTenantRounds, type TenantRounds } from '#control/tenant-rounds.ts'
import { endDrill, type EndReason } from './end.ts'
import { openLedger } from './ledger.ts'
import { proveSafe } from './safety.ts'

/** Versions of the directory for which the proof held: it is made again only when something changed. */
const proven = new Map<string, number>()

export async function lookAfterDrills(tenantId: string, context: ControlContext): Promise<void> {
  const rows = await context.store
    .forTenant(tenantId)
    .selectFrom('drills')
    .selectAll()
    .where('drills.endedAtMs', 'is', null)
    .execute()
  for (const row of rows) {
    const reason = await reasonToEnd(row, context)
    if (reason === null) continue
    proven.delete(row.id)
    context.log('a drill was ended', { tenantId, drillId: row.id, reason })
    await endDrill(row, reason, null, context)
  }
}

async function reasonToEnd(row: Row<'drills'>, context: ControlContext): Promise<EndReason | null> {
  const nowMs = context.nowMs()
  if (nowMs >= row.endsAtMs) return 'out-of-time'
  if (nowMs >= row.aliveAtMs + caps.drillSilenceMs.default) return 'silent'
  if (await isRealAlarm(row, context)) return 'alarm'
  if (isUnderLoad()) return 'load'
  const mirror = await context.mirrors.current(row.tenantId)
  if (proven.get(row.id) === mirror.directoryVersion) return null
  const ledger = openLedger(row, context)
  try {
    proveSafe(mirror.records(), {
      userIds: new Set(Object.values(ledger.actors).map(({ userId }) => userId)),
      appIds: new Set(Object.values(ledger.apps).map(({ appId }) => appId)),
    })
  } catch (error) {
    if (isFault(error, 'drill-unsafe')) return 'unsafe'
    throw error
  }
  proven.set(row.id, mirror.directoryVersion)
  return null
}

/** A story that is no drill's and strong enough to be answered: what is real goes first. */
async function isRealAlarm(row: Row<'drills'>, context: ControlContext): Promise<boolean> {
  const own = new Set(Object.values(openLedger(row, context).actors).map(({ userId }) => userId))
  const told = await context.store
    .forTenant(row.tenantId)
    .selectFrom('stories')
    .select(['stories.subjectId'])
    .where('stories.noticedMs', '>=', row.startedAtMs)
    .where('stories.level', 'in', ['cut', 'contain'])
    .limit(caps.storyLook.default)
    .execute()
  return told.some(({ subjectId }) => !own.has(subjectId))
}

/** Of this machine, over the last minute. */
function isUnderLoad(): boolean {
  return (loadavg()[0] ?? 0) > caps.drillLoadPerCore.default * availableParallelism()
}

export function startDrillUpkeep(context: ControlContext, everyMs: number = caps.drillUpkeepMs.default): TenantRounds {
  return startTenantRounds('the look after drills', everyMs, context, (tenantId) => lookAfterDrills(tenantId, context))
}
