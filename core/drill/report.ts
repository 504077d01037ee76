// The report of a drill, in the order of NIST SP 800-84: objectives, scope, results, gaps with what to do, what happened.
import type { DrillReport, DrillView } from '#core/api/drill-routes.ts'
import { spanText, type ReportDocument } from '#core/report/document.ts'
import type { Scenario } from './scenario.ts'

export type Reported = {
  readonly drill: DrillView
  readonly scenario: Scenario
  readonly report: DrillReport
  readonly restored: boolean | null
}

export function drillDocument({ drill, scenario, report, restored }: Reported): ReportDocument {
  const gaps = report.outcomes.filter(({ met }) => !met)
  const startMs = report.timeline[0]?.atMs ?? Date.parse(drill.startedAt)
  const { detectMs, hopsUntilSeen, containMs, residual, missing, receipts } = report
  const [actors, apps] = [Object.keys(scenario.actors).length, Object.keys(scenario.apps).length]
  return {
    title: scenario.title,
    verdict: { text: report.verdict, look: report.verdict === 'passed' ? 'good' : 'bad' },
    subtitle: `${drill.id} · ${scenario.drill}, version ${scenario.version}`,
    sections: [
      {
        title: 'Objectives',
        blocks: [
          { kind: 'text', text: scenario.about },
          { kind: 'list', items: report.outcomes.map(({ expectation }) => expectation) },
          ...(scenario.attack
            ? [
                {
                  kind: 'text' as const,
                  text: `MITRE ATT&CK ${scenario.attack.version}: ${scenario.attack.techniques.join(', ')}`,
                },
              ]
            : []),
        ],
      },
      {
        title: 'Scope',
        blocks: [
          {
            kind: 'text',
            text: `Level ${scenario.level}. ${plural(actors, 'identity', 'identities')} and ${plural(apps, 'app', 'apps')} made for the drill; nothing real could be reached. Started by ${drill.startedBy}, ${drill.startedAt}; ended ${drill.endedAt ?? 'not yet'} (${drill.endReason ?? 'running'}).`,
          },
        ],
      },
      {
        title: 'Results',
        blocks: [
          {
            kind: 'facts',
            facts: [
              ['Time to detect', detectMs === null ? 'not noticed' : spanText(detectMs)],
              ['Acts until noticed', hopsUntilSeen === null ? '–' : String(hopsUntilSeen)],
              [
                'Time to contain, p99',
                containMs === null ? '–' : `${spanText(containMs.p99)} over ${containMs.paths} paths`,
              ],
              ['Ways back in', residual.length === 0 ? 'none' : residual.join(', ')],
              ['Exchanges that did not answer', missing.length === 0 ? 'none' : missing.join(', ')],
              ['Restored exactly', restored === null ? '–' : restored ? 'yes' : 'no'],
            ],
          },
          {
            kind: 'table',
            head: ['Expected', 'Measured', ''],
            rows: report.outcomes.map(({ expectation, measured, met }) => [
              expectation,
              measured,
              met ? 'met' : 'NOT MET',
            ]),
          },
          ...(receipts.length === 0
            ? []
            : [
                {
                  kind: 'table' as const,
                  head: ['Exchange', 'Flows cut'],
                  rows: receipts.map(({ exchangeId, cutFlows }) => [exchangeId, String(cutFlows)]),
                },
              ]),
        ],
      },
      {
        title: 'Gaps',
        blocks: [
          gaps.length === 0
            ? { kind: 'text', text: 'None.' }
            : {
                kind: 'table',
                head: ['Gap', 'Measured', 'Owner', 'Re-test'],
                rows: gaps.map(({ expectation, measured }) => [
                  expectation,
                  measured,
                  drill.startedBy,
                  `drill run ${scenario.drill}`,
                ]),
              },
        ],
      },
      {
        title: 'What happened',
        blocks: [
          {
            kind: 'table',
            head: ['After', 'What'],
            rows: report.timeline.map(({ atMs, text }) => [`${((atMs - startMs) / 1000).toFixed(1)} s`, text]),
          },
        ],
      },
    ],
  }
}

function plural(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`
}
