// What a drill made, and only that: the one place that knows which identities are a drill's. Sealed in the store, open
// only here. Must never be readable through the API while the drill runs, except by whoever started it.
import * as z from 'zod'
import { drillProgress } from '#core/api/drill-routes.ts'
import { scenario } from '#core/drill/scenario.ts'
import type { ControlContext } from '#control/context.ts'
import type { Row } from '#control/records/from-rows.ts'
import { sealedPlaces } from '#control/authority/sealed-places.ts'

const ledger = z.strictObject({
  scenario,
  actors: z.record(z.string(), z.strictObject({ userId: z.string(), name: z.string() })),
  apps: z.record(
    z.string(),
    z.strictObject({ appId: z.string(), name: z.string(), host: z.string(), port: z.number().int() }),
  ),
  connectorGroupId: z.string(),
  enrolmentTokenId: z.string(),
  resources: z.array(z.strictObject({ kind: z.string(), name: z.string(), id: z.string() })),
  digest: z.string().describe('of everything else, from before'),
  answers: z.array(z.strictObject({ inject: z.number(), by: z.string(), at: z.string(), text: z.string() })).optional(),
  progress: drillProgress.optional(),
  proof: z.strictObject({ identities: z.number(), realApps: z.number(), policies: z.number() }),
})
export type Ledger = z.infer<typeof ledger>

export function sealLedger(tenantId: string, drillId: string, value: Ledger, { sealer }: ControlContext): string {
  return sealer.seal(Buffer.from(JSON.stringify(value)), place(tenantId, drillId))
}

export function openLedger(row: Row<'drills'>, { sealer }: ControlContext): Ledger {
  return ledger.parse(JSON.parse(sealer.open(row.sealed, place(row.tenantId, row.id)).toString('utf8')))
}

function place(tenantId: string, drillId: string): string {
  return sealedPlaces.drill.context({ tenantId, id: drillId })
}
