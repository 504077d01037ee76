// The report as one HTML file without scripts, in the order of NIST SP 800-84: objectives, scope, what was done, results,
// gaps. Every text goes through `escape`: names of users and apps come from outside.
import type { DrillReport, DrillView } from '#core/api/drill-routes.ts'
import type { Scenario } from '#core/drill/scenario.ts'

export type Reported = {
  readonly drill: DrillView
  readonly scenario: Scenario
  readonly report: DrillReport
  readonly restored: boolean | null
}

export function reportPage({ drill, scenario, report, restored }: Reported): string {
  const gaps = report.outcomes.filter(({ met }) => !met)
  const startMs = report.timeline[0]?.atMs ?? Date.parse(drill.startedAt)
  const sections = [
    section('Objectives', [
      paragraph(scenario.about),
      list(report.outcomes.map(({ expectation }) => expectation)),
      ...(scenario.attack
        ? [paragraph(`MITRE ATT&CK ${scenario.attack.version}: ${scenario.attack.techniques.join(', ')}`)]
        : []),
    ]),
    section('Scope', [
      paragraph(
        `${count(Object.keys(scenario.actors).length, 'identity', 'identities')} and ${count(Object.keys(scenario.apps).length, 'app', 'apps')} made for the drill; nothing real could be reached. Started by ${drill.startedBy}, ${drill.startedAt}; ended ${drill.endedAt ?? 'not yet'} (${drill.endReason ?? 'running'}).`,
      ),
    ]),
    section('Results', [
      figures(report, restored),
      table(
        ['Expected', 'Measured', ''],
        report.outcomes.map(({ expectation, measured, met }) => [expectation, measured, met ? 'met' : 'NOT MET']),
      ),
    ]),
    section('Gaps', [
      gaps.length === 0
        ? paragraph('None.')
        : list(gaps.map(({ expectation, measured }) => `${expectation}: ${measured}. The same drill is the re-test.`)),
    ]),
    section('What happened', [
      table(
        ['After', 'What'],
        report.timeline.map(({ atMs, text }) => [`${((atMs - startMs) / 1000).toFixed(1)} s`, text]),
      ),
    ]),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(scenario.title)}: ${drill.verdict ?? report.verdict}</title>
<style>${STYLE}</style>
</head>
<body>
<header><p class="verdict ${report.verdict}">${report.verdict}</p><h1>${escape(scenario.title)}</h1>
<p>${escape(drill.id)} · ${escape(scenario.drill)}, version ${scenario.version}</p></header>
${sections.join('\n')}
</body>
</html>
`
}

function figures(
  { detectMs, hopsUntilSeen, containMs, residual, missing }: DrillReport,
  restored: boolean | null,
): string {
  const pairs: readonly (readonly [string, string])[] = [
    ['Time to detect', detectMs === null ? 'not noticed' : span(detectMs)],
    ['Acts until noticed', hopsUntilSeen === null ? '–' : String(hopsUntilSeen)],
    ['Time to contain, p99', containMs === null ? '–' : `${span(containMs.p99)} over ${containMs.paths} paths`],
    ['Ways back in', residual.length === 0 ? 'none' : residual.join(', ')],
    ['Exchanges that did not answer', missing.length === 0 ? 'none' : missing.join(', ')],
    ['Restored exactly', restored === null ? '–' : restored ? 'yes' : 'no'],
  ]
  return `<dl>${pairs.map(([name, value]) => `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd></div>`).join('')}</dl>`
}

function span(ms: number): string {
  return ms < 1000
    ? `${Math.round(ms)} ms`
    : ms < 120_000
      ? `${(ms / 1000).toFixed(1)} s`
      : `${(ms / 60_000).toFixed(1)} min`
}

function section(title: string, parts: readonly string[]): string {
  return `<section><h2>${escape(title)}</h2>${parts.join('')}</section>`
}

function paragraph(text: string): string {
  return `<p>${escape(text)}</p>`
}

function list(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${escape(item)}</li>`).join('')}</ul>`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string) => row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')
  return `<table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')}</tbody></table>`
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

const STYLE = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{margin:.2rem 0}h2{margin-top:2rem;font-size:1.1rem}
.verdict{display:inline-block;margin:0;padding:.1rem .7rem;border-radius:1rem;color:#fff;background:#b3261e;text-transform:uppercase;font-size:.85rem}
.verdict.passed{background:#1b6e3c}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:.8rem}
dl div{border:1px solid #8886;border-radius:.5rem;padding:.6rem .8rem}dt{font-size:.85rem;opacity:.75}dd{margin:0;font-size:1.15rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8884}
@media print{body{margin:0}}
`.replaceAll('\n', '')
