// Runs control in a thread of its own, so that neither its store nor its disk ever holds up traffic.
import { parentPort, workerData } from 'node:worker_threads'
import { startControl } from '#control/server.ts'
import { createLocalAccess } from '#control/local-access.ts'
import type { ControlConfig } from '#control/config.ts'
import type { RoleName } from '#control/store/schema.ts'
import { partLog } from './log.ts'
import { answerCalls } from './worker-call.ts'

const control = await startControl(workerData as ControlConfig, { log: partLog('control') })
const local = createLocalAccess(control.context)

const methods = {
  started: async () => ({ port: control.port, webCaPem: control.webCaPem, firstInvitation: control.firstInvitation }),
  apiToken: (tenant: string, user: string, role: RoleName, seconds: number) =>
    local.apiToken(tenant, user, role, seconds),
  exchangeToken: (user: string, name: string) => local.exchangeToken(user, name),
  close: () => control.close(),
}
export type ControlMethods = typeof methods

if (parentPort) answerCalls(parentPort, methods)
