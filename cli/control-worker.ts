// Runs control in a thread of its own, so that neither its store nor its disk ever holds up traffic. Imported by the main
// thread it does nothing.
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { type Control, startControl } from '#control/server.ts'
import { createLocalAccess } from '#control/local-access.ts'
import type { ControlConfig } from '#control/config.ts'
import type { RoleName } from '#control/store/schema.ts'
import { startWhatIf, type WhatIf } from '#intelligence/what-if/what-if.ts'
import { startConductor, type RunningConductor } from './conductor.ts'
import { detectionWith, type DetectionSettings, usualDetection } from './detection.ts'
import { lakeBeside, type LakeSettings } from './lake.ts'
import { partLog } from './log.ts'
import { startControlFigures } from './watching/control-figures.ts'
import { shippedScenarios } from './scenarios.ts'
import { answerCalls } from './worker-call.ts'

type Beside = {
  readonly whatIf: WhatIf
  readonly conductor: RunningConductor
  readonly figures: ReturnType<typeof startControlFigures>
}

function methodsOf(control: Control, { whatIf, conductor, figures }: Beside) {
  const local = createLocalAccess(control.context)
  return {
    started: async () => ({ port: control.port, webCaPem: control.webCaPem, firstInvitation: control.firstInvitation }),
    apiToken: (tenant: string, user: string, role: RoleName, seconds: number) =>
      local.apiToken(tenant, user, role, seconds),
    exchangeToken: (user: string, name: string) => local.exchangeToken(user, name),
    samples: async () => figures.collect(await control.figures()),
    whyNotReady: () => control.whyNotReady(),
    close: async () => {
      await conductor.close()
      await whatIf.close()
      await control.close()
    },
  }
}
export type ControlMethods = ReturnType<typeof methodsOf>

export type ControlWorkerData = {
  readonly config: ControlConfig
  readonly detection?: DetectionSettings
  readonly lake?: LakeSettings
}

if (parentPort) {
  const { config, detection = usualDetection, lake } = workerData as ControlWorkerData
  const { startLake, source } = lakeBeside(lake)
  const whatIf = startWhatIf(
    { journalRoot: join(config.dataFolder, 'journal') },
    source === undefined ? {} : { source },
  )
  const figures = startControlFigures()
  const conductor = startConductor(partLog('conductor'))
  const control = await startControl(config, {
    log: partLog('control'),
    answered: figures.answered,
    whatIf,
    conductor,
    scenarios: shippedScenarios(),
    startLake,
    startDetection: detectionWith(detection),
  })
  answerCalls(parentPort, methodsOf(control, { whatIf, conductor, figures }))
}
