// Which ATT&CK techniques this tenant has proven to notice and contain, which it failed at, which were never tried, and which
// were proven too long ago. A technique is as good as the last drill of it.
import type { ReplyOf } from '#core/api/route.ts'
import type { drillRoutes, TechniqueView } from '#core/api/drill-routes.ts'
import type { Scenario } from '#core/drill/scenario.ts'
import { caps } from '#control/caps.ts'
import type { Row } from '#control/records/from-rows.ts'

/** Newest first. */
export type Played = {
  readonly row: Row<'drills'>
  readonly scenario: Scenario
  readonly verdict: 'passed' | 'failed'
}

export function attackView(
  library: readonly Scenario[],
  played: readonly Played[],
  nowMs: number,
): ReplyOf<(typeof drillRoutes)['getAttackView']> {
  const iso = (ms: number) => new Date(ms).toISOString()
  const techniquesOf = ({ attack }: Scenario) => attack?.techniques ?? []
  const names = new Set([...library, ...played.map(({ scenario }) => scenario)].flatMap(techniquesOf))
  return {
    scenarios: library.map((scenario) => {
      const last = played.find((each) => each.scenario.drill === scenario.drill)
      return {
        name: scenario.drill,
        version: scenario.version,
        title: scenario.title,
        about: scenario.about,
        level: scenario.level,
        techniques: techniquesOf(scenario),
        lastVerdict: last?.verdict ?? null,
        lastAt: last ? iso(last.row.startedAtMs) : null,
      }
    }),
    techniques: [...names]
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((id): TechniqueView => {
        const last = played.find(({ scenario }) => techniquesOf(scenario).includes(id))
        const scenarios = library.filter((scenario) => techniquesOf(scenario).includes(id)).map(({ drill }) => drill)
        if (!last) return { id, state: 'untested', scenarios, lastAt: null, drill: null }
        const isStale = last.row.startedAtMs < nowMs - caps.drillStaleMs.default
        const state = last.verdict === 'failed' ? 'failed' : isStale ? 'stale' : 'proven'
        return { id, state, scenarios, lastAt: iso(last.row.startedAtMs), drill: last.row.id }
      }),
  }
}
