// Plays a drill on the demo tenant and writes its report beside the data: what `npm run demo` shows.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { playDrill } from '#drill/conductor.ts'
import { reportPage } from '#drill/report-page.ts'
import { apiClient } from './api-client.ts'
import { conductorDeps } from './drill-parts.ts'
import { safe, write } from './output.ts'
import { readProfile } from './profile.ts'
import { findScenario } from './scenarios.ts'

/** Throws Faults as `playDrill`. Resolves to the report's file. */
export async function playOnDemo(dataFolder: string, scenario: string, signal: AbortSignal): Promise<string> {
  const api = apiClient(readProfile(join(dataFolder, 'acme.json'), undefined))
  const startedMs = performance.now()
  const say = (text: string) =>
    write(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${safe(text)}`)
  const { drillId } = await playDrill(
    findScenario(scenario),
    conductorDeps(api, () => {}, say),
    signal,
  )
  const { drill, scenario: played, report, restored } = await api.call('getDrill', { params: { id: drillId } })
  const file = join(dataFolder, `${drillId}.html`)
  if (report) {
    writeFileSync(file, reportPage({ drill, scenario: played, report, restored }), { mode: 0o600 })
    for (const { expectation, measured, met } of report.outcomes)
      write(`${met ? '  met      ' : '  NOT MET  '}${safe(expectation)}: ${safe(measured)}`)
  }
  return file
}
