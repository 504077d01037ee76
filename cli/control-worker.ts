// Runs control in a thread of its own, so that neither its store nor its disk ever holds up traffic. Imported by the main
// thread it does nothing.
import { parentPort, workerData } from 'node:worker_threads'
import { type Control, startControl } from '#control/server.ts'
import { createLocalAccess } from '#control/local-access.ts'
import type { ControlConfig } from '#control/config.ts'
import type { RoleName } from '#control/store/schema.ts'
import { partLog } from './log.ts'
import { answerCalls } from './worker-call.ts'

function methodsOf(control: Control) {
  const local = createLocalAccess(control.context)
  return {
    started: async () => ({ port: control.port, webCaPem: control.webCaPem, firstInvitation: control.firstInvitation }),
    apiToken: (tenant: string, user: string, role: RoleName, seconds: number) =>
      local.apiToken(tenant, user, role, seconds),
    exchangeToken: (user: string, name: string) => local.exchangeToken(user, name),
    close: () => control.close(),
  }
}
export type ControlMethods = ReturnType<typeof methodsOf>

if (parentPort) {
  const control = await startControl(workerData as ControlConfig, { log: partLog('control') })
  answerCalls(parentPort, methodsOf(control))
}
