// Commands of drills: what there is to rehearse, play one, stop it, read its report.
import { writeFileSync } from 'node:fs'
import type { DrillReport } from '#core/api/drill-routes.ts'
import { apiOptions, type Command } from '#cli/command.ts'
import { type PartLog, partLog } from '#cli/log.ts'
import { safe, table, write, writeError, writeJson } from '#cli/output.ts'

export const drillList: Command = {
  usage: 'drill list',
  summary: 'scenarios to rehearse, and drills that were played',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { shippedScenarios } = await import('#cli/scenarios.ts')
    const scenarios = shippedScenarios()
    const { items } = await input.api().call('listDrills', { query: { limit: 100 } })
    if (input.isJson) {
      writeJson({
        scenarios: scenarios.map(({ drill, version, title, level }) => ({ drill, version, title, level })),
        drills: items,
      })
      return 0
    }
    write(
      table(
        ['SCENARIO', 'LEVEL', 'WHAT'],
        scenarios.map(({ drill, level, title }) => [drill, level, title]),
      ),
    )
    if (items.length > 0)
      write(
        `\n${table(
          ['DRILL', 'SCENARIO', 'STARTED', 'ENDED', 'VERDICT'],
          items.map(({ id, name, startedAt, endReason, verdict }) => [
            id,
            name,
            startedAt,
            endReason ?? 'running',
            verdict ?? '–',
          ]),
        )}`,
      )
    return 0
  },
}

export const drillRun: Command = {
  usage: 'drill run SCENARIO',
  summary: 'play a scenario (a shipped one by name, or a file) and write its report; Ctrl-C stops and undoes it',
  options: { out: { type: 'string', help: 'write the report to this HTML file' }, ...apiOptions },
  positionals: [1, 1],
  async run(input) {
    const { findScenario } = await import('#cli/scenarios.ts')
    const { conductorDeps } = await import('#cli/drill-parts.ts')
    const { playDrill } = await import('#drill/conductor.ts')
    const scenario = findScenario(input.words[0] ?? '')
    const api = input.api()
    const startedMs = performance.now()
    const say = (text: string) =>
      writeError(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${safe(text)}`)
    const { drillId, report, restored } = await playDrill(scenario, conductorDeps(api, quietLog, say), input.signal)
    if (input.isJson) writeJson({ drillId, report, restored })
    else write(summaryOf(drillId, report))
    const out = input.text('out')
    if (out !== undefined) await writeReport(api, drillId, out)
    return report.verdict === 'passed' ? 0 : 1
  },
}

export const drillStop: Command = {
  usage: 'drill stop DRILL',
  summary: 'end a drill now and undo everything that it made',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const drill = await input.api().call('stopDrill', { params: { id: input.words[0] ?? '' } })
    if (input.isJson) writeJson(drill)
    else write(`${drill.id} is stopped; what it made is gone.`)
    return 0
  },
}

export const drillReport: Command = {
  usage: 'drill report DRILL',
  summary: 'the report of a drill; --out writes it as one HTML file',
  options: { out: { type: 'string', help: 'file to write' }, ...apiOptions },
  positionals: [1, 1],
  async run(input) {
    const id = input.words[0] ?? ''
    const out = input.text('out')
    const api = input.api()
    if (out !== undefined) {
      await writeReport(api, id, out)
      return 0
    }
    const found = await api.call('getDrill', { params: { id } })
    if (input.isJson) writeJson(found)
    else
      write(found.report ? summaryOf(id, found.report) : `${id} has no report (${found.drill.endReason ?? 'running'}).`)
    return 0
  },
}

/** The connector of the canaries is not what people look at; with SALLYPORT_DEBUG they see what it does. */
const quietLog: PartLog = process.env['SALLYPORT_DEBUG'] ? partLog('connector') : () => {}

function summaryOf(drillId: string, report: DrillReport): string {
  return [
    `${drillId}: ${report.verdict}`,
    table(
      ['EXPECTED', 'MEASURED', ''],
      report.outcomes.map(({ expectation, measured, met }) => [expectation, measured, met ? 'met' : 'NOT MET']),
    ),
  ].join('\n')
}

async function writeReport(
  api: ReturnType<Parameters<Command['run']>[0]['api']>,
  id: string,
  file: string,
): Promise<void> {
  const { reportPage } = await import('#drill/report-page.ts')
  const { drill, scenario, report, restored } = await api.call('getDrill', { params: { id } })
  if (!report) {
    write(`${id} has no report (${drill.endReason ?? 'running'}).`)
    return
  }
  writeFileSync(file, reportPage({ drill, scenario, report, restored }), { mode: 0o600 })
  write(`Report: ${file}`)
}
