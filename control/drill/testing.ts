// For tests only: a small scenario, and a drill's row without the drill.
import type { Scenario } from '#core/drill/scenario.ts'
import { newId } from '#core/ids.ts'
import type { ControlContext } from '#control/context.ts'
import { sealLedger } from './ledger.ts'

export const smallScenario: Scenario = {
  drill: 'small',
  version: 1,
  title: 'A small one',
  about: 'Two apps, one locked.',
  level: 'live',
  within: '5m',
  actors: { thief: { thirdParty: true } },
  apps: { notes: { kind: 'http', open: ['thief'] }, safe: { kind: 'tcp', open: [] } },
  steps: [{ hop: { actor: 'thief', apps: ['notes', 'safe'], pace: { median: '10ms' } } }],
  expect: [{ denied: { actor: 'thief', apps: ['safe'] } }],
}

/** A running drill with nothing to it. */
export async function insertDrill(tenantId: string, startedBy: string, context: ControlContext): Promise<string> {
  const id = newId('drill')
  const nowMs = context.nowMs()
  const sealed = sealLedger(
    tenantId,
    id,
    {
      scenario: smallScenario,
      actors: {},
      apps: {},
      connectorGroupId: 'none',
      enrolmentTokenId: 'none',
      resources: [],
      digest: '',
      proof: { identities: 0, realApps: 0, policies: 0 },
    },
    context,
  )
  await context.store
    .forTenant(tenantId)
    .insertInto('drills', {
      id,
      sealed,
      startedBy,
      startedAtMs: nowMs,
      endsAtMs: nowMs + 3_600_000,
      aliveAtMs: nowMs + 3_600_000,
      endedAtMs: null,
      endReason: null,
      restored: null,
      report: null,
    })
    .execute()
  return id
}
