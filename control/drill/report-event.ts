// The report of a drill as OCSF 2005: an incident whose verdict is *test*, for whoever counts exercises elsewhere.
import type { DrillReport, DrillView } from '#core/api/drill-routes.ts'
import type { Scenario } from '#core/drill/scenario.ts'
import type { JournalEvent } from '#core/events/event.ts'
import { incidentEvent } from '#core/events/incident-event.ts'
import { newId } from '#core/ids.ts'
import type { Row } from '#control/records/from-rows.ts'

export function eventOf(row: Row<'drills'>, scenario: Scenario, drill: DrillView, report: DrillReport): JournalEvent {
  const event = incidentEvent('close', {
    uid: newId('event'),
    timeMs: row.endedAtMs ?? row.startedAtMs,
    tenantId: row.tenantId,
    incidentId: row.id,
    title: scenario.title,
    severity: report.verdict === 'passed' ? 'low' : 'high',
    state: 'closed',
    cause: 'drill',
    openedAtMs: row.startedAtMs,
    closedAtMs: row.endedAtMs,
    assignee: null,
    findings: report.outcomes.map(({ expectation, measured, met }, at) => ({
      uid: `${row.id}.${at}`,
      title: `${expectation}: ${measured}`,
      types: [met ? 'met' : 'gap'],
    })),
    by: { uid: row.startedBy, name: drill.startedBy },
    techniques: scenario.attack?.techniques ?? [],
  })
  const { detectMs, containMs, residual, missing, verdict } = report
  return { ...event, unmapped: { drill: scenario.drill, verdict, detectMs, containMs, residual, missing } }
}
