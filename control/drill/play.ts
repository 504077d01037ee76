// Has a scenario of the library played: at once because somebody asks, or again and again because somebody asked for that.
// Must never start anything with other rights than those of that person, as they are at that moment.
import type { Scenario } from '#core/drill/scenario.ts'
import { spanMs } from '#core/drill/scenario.ts'
import { asFault, Fault } from '#core/fault.ts'
import type { ApiContext } from '#control/api/call.ts'
import { caps } from '#control/caps.ts'
import { startTenantRounds, type TenantRounds } from '#control/tenant-rounds.ts'

/** After the drill's own time: the conductor reports and goes. */
const LAST_WORDS_MS = 60_000

/** Throws Fault `not-found`. */
export function libraryScenario(name: string, context: ApiContext): Scenario {
  const scenario = context.scenarios.find(({ drill }) => drill === name)
  if (scenario === undefined) throw new Fault('not-found', { hint: `The library has no scenario ${name}.` })
  return scenario
}

/** Resolves to the drill's id once it has begun. Throws Faults as starting a drill does, `conductor-unavailable`. */
export async function playScenario(
  who: { readonly tenantId: string; readonly tenantName: string; readonly userId: string },
  name: string,
  context: ApiContext,
): Promise<string> {
  const scenario = libraryScenario(name, context)
  const { conductor, conductorTokens } = context.links
  if (conductor === undefined || conductorTokens === undefined) throw new Fault('conductor-unavailable')
  const expiresAtMs = context.nowMs() + Math.min(spanMs(scenario.within), caps.drillMs.default) + LAST_WORDS_MS
  const token = conductorTokens.give({ tenantId: who.tenantId, userId: who.userId, expiresAtMs })
  try {
    const { drillId } = await conductor({ tenant: who.tenantName, token, scenario })
    return drillId
  } catch (error) {
    conductorTokens.takeBack(token)
    throw error
  }
}

/** Between two of a schedule: not to the minute, so that whoever watches the clock does not know when. */
export function nextDrillAtMs(nowMs: number, everySeconds: number, random: number): number {
  return Math.round(nowMs + everySeconds * 1000 * (0.75 + random / 2))
}

/** Plays what is due in this tenant. Of several control nodes one has it. */
export async function playDue(tenantId: string, context: ApiContext): Promise<void> {
  const handle = context.store.forTenant(tenantId)
  const nowMs = context.nowMs()
  const row = await handle
    .selectFrom('drillSchedules')
    .selectAll()
    .where('drillSchedules.nextAtMs', '<=', nowMs)
    .executeTakeFirst()
  if (row === undefined) return
  const taken = await handle
    .updateTable('drillSchedules')
    .set({ nextAtMs: nextDrillAtMs(nowMs, row.everySeconds, Math.random()) })
    .where('drillSchedules.nextAtMs', '=', row.nextAtMs)
    .returning('drillSchedules.tenantId')
    .executeTakeFirst()
  if (taken === undefined) return
  const names = JSON.parse(row.scenarios) as string[]
  const name = names[Math.floor(Math.random() * names.length)] ?? ''
  const tenant = await context.store.provider
    .selectFrom('tenants')
    .select(['tenants.name', 'tenants.status'])
    .where('tenants.id', '=', tenantId)
    .executeTakeFirst()
  if (tenant?.status !== 'active') return
  const failure = await playScenario({ tenantId, tenantName: tenant.name, userId: row.setBy }, name, context).then(
    () => null,
    (error: unknown) => {
      const { code, hint } = asFault(error)
      return `${code}${hint === undefined ? '' : `: ${hint}`}`.slice(0, 300)
    },
  )
  if (failure !== null) context.log('a scheduled drill was not played', { tenantId, scenario: name, failure })
  await handle.updateTable('drillSchedules').set({ failure }).where('drillSchedules.setBy', '=', row.setBy).execute()
}

export function startDrillSchedule(
  context: ApiContext,
  everyMs: number = caps.drillScheduleLookMs.default,
): TenantRounds {
  return startTenantRounds('the schedule of drills', everyMs, context, (tenantId) => playDue(tenantId, context))
}
