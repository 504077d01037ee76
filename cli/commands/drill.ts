// Commands of drills: what there is to rehearse, play one, stop it, read its report.
import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { DrillReport } from '#core/api/drill-routes.ts'
import { apiOptions, type Command, parseDuration, UsageFault } from '#cli/command.ts'
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
  options: { out: { type: 'string', help: 'write the report to this file: .html, .pdf or .ndjson' }, ...apiOptions },
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
  summary: 'the report of a drill; --out writes it as HTML, PDF or OCSF by the name of the file',
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

export const drillAnswer: Command = {
  usage: 'drill answer DRILL INJECT TEXT',
  summary: 'say what the team does about an inject of a tabletop',
  options: apiOptions,
  positionals: [3, 3],
  async run(input) {
    const [id = '', inject = '', text = ''] = input.words
    if (!/^\d{1,3}$/.test(inject)) throw new UsageFault('INJECT is its number, from 0', drillAnswer)
    const answer = await input.api().call('answerDrill', { params: { id }, body: { inject: Number(inject), text } })
    if (input.isJson) writeJson(answer)
    else write(`Inject ${answer.inject} is answered.`)
    return 0
  },
}

export const drillAttack: Command = {
  usage: 'drill attack',
  summary: 'ATT&CK techniques proven, failed, untested and stale',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { techniques } = await input.api().call('getAttackView', { query: {} })
    if (input.isJson) writeJson(techniques)
    else
      write(
        table(
          ['TECHNIQUE', 'STATE', 'LAST', 'SCENARIOS'],
          techniques.map(({ id, state, lastAt, scenarios }) => [id, state, lastAt ?? '–', scenarios.join(', ')]),
        ),
      )
    return 0
  },
}

export const drillWatch: Command = {
  usage: 'drill watch',
  summary: 'play a small drill again and again, hourly unless told otherwise, until stopped',
  options: {
    every: { type: 'string', help: 'time between two, e.g. 1h (the default)' },
    scenario: { type: 'string', multiple: true, help: 'which to choose from; may be repeated (default decoy)' },
    ...apiOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const { findScenario } = await import('#cli/scenarios.ts')
    const { conductorDeps } = await import('#cli/drill-parts.ts')
    const { playDrill } = await import('#drill/conductor.ts')
    const everyMs = parseDuration(input.text('every') ?? '1h') * 1000
    const chosen = input.list('scenario')
    const scenarios = (chosen.length === 0 ? ['decoy'] : chosen).map(findScenario)
    const api = input.api()
    while (!input.signal.aborted) {
      const startedMs = Date.now()
      const scenario = scenarios[Math.floor(Math.random() * scenarios.length)]
      if (!scenario) return 2
      const said = await playDrill(
        scenario,
        conductorDeps(api, quietLog, () => {}),
        input.signal,
      ).then(
        ({ drillId, report }) =>
          `${drillId}  ${scenario.drill}  ${report.verdict}  detect ${report.detectMs ?? '–'} ms  contain p99 ${report.containMs ? Math.round(report.containMs.p99) : '–'} ms`,
        (error: unknown) =>
          `${scenario.drill} was not played: ${error instanceof Error ? error.message : String(error)}`,
      )
      write(safe(`${new Date(startedMs).toISOString()}  ${said}`))
      // Not to the minute: whoever watches the clock must not know when.
      const waitMs = Math.max(0, everyMs * (0.75 + Math.random() / 2) - (Date.now() - startedMs))
      await pause(waitMs, undefined, { signal: input.signal }).catch(() => {})
    }
    return 0
  },
}

export const drillWarp: Command = {
  usage: 'drill warp SCENARIO EVENTS',
  summary: 'lay the attack of a scenario over recorded days and run a copy of detection and policy over them, fast',
  options: {
    as: { type: 'string', help: 'user of the recorded days whose place the attacker takes (default the busiest)' },
    warmup: { type: 'string', help: 'learn this long before any story (default 14d)' },
    policy: { type: 'boolean', help: 'ask the policy of now about each act; without it all is allowed' },
    ...apiOptions,
  },
  positionals: [2, 2],
  async run(input) {
    const { findScenario } = await import('#cli/scenarios.ts')
    const { timeWarp } = await import('#cli/time-warp.ts')
    const api = input.flag('policy') ? input.api() : undefined
    const warped = await timeWarp({
      file: input.words[1] ?? '',
      scenario: findScenario(input.words[0] ?? ''),
      as: input.text('as'),
      warmupMs: parseDuration(input.text('warmup') ?? '14d') * 1000,
      ...(api && {
        decide: (user: string, app: string) =>
          api.call('explain', { body: { user, app } }).then(
            ({ decision }) => decision === 'allow',
            () => false,
          ),
      }),
      signal: input.signal,
    })
    const own = warped.stories.filter(({ subject }) => subject === warped.user)
    if (input.isJson) writeJson({ ...warped, stories: own })
    else {
      for (const { sentence } of own) write(safe(sentence))
      const { summary, acts, speed } = warped
      write(
        `${acts.length} acts, ${acts.filter(({ isAllowed }) => isAllowed).length} allowed; ${summary.found > 0 ? `noticed after ${summary.medianHops ?? '–'} new apps` : 'not noticed'}; ${summary.falseStories} other stories; ${Math.round(speed)} times as fast as it passed.`,
      )
    }
    return warped.summary.found > 0 ? 0 : 1
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
  const format = file.endsWith('.pdf') ? 'pdf' : /\.(nd)?json$/.test(file) ? 'ocsf' : 'html'
  const { content } = await api.call('getDrillReport', { params: { id }, query: { format } })
  writeFileSync(file, Buffer.from(content, 'base64'), { mode: 0o600 })
  write(`Report: ${file}`)
}
