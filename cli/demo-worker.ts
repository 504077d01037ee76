// Runs the demo's sample apps and the connectors beside them in a thread of its own. Imported by the main thread it does
// nothing.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { type Connector, startConnector } from '#connector/connector.ts'
import { enrolConnector } from '#connector/enrol.ts'
import { loadIdentity } from '#connector/identity.ts'
import { startEcho } from '#demo/echo.ts'
import { startFiles } from '#demo/files.ts'
import type { DemoApp } from '#demo/loopback.ts'
import { startWiki } from '#demo/wiki.ts'
import { partLog } from './log.ts'
import { SOFTWARE } from './version.ts'
import { answerCalls } from './worker-call.ts'

export type DemoPorts = {
  readonly wiki: number
  readonly files: number
  readonly echo: number
  readonly globexWiki: number
}
export type DemoWorkerData = { readonly folder: string; readonly ports: DemoPorts }

async function startDemoParts({ folder, ports }: DemoWorkerData) {
  const made = (name: string) => {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return path
  }
  const apps = {
    wiki: await startWiki(made('acme'), ports.wiki),
    files: await startFiles(ports.files),
    echo: await startEcho(ports.echo),
    globexWiki: await startWiki(made('globex'), ports.globexWiki),
  } satisfies Record<keyof DemoPorts, DemoApp>
  const connectors: Connector[] = []
  return {
    ports: async (): Promise<DemoPorts> => ({
      wiki: apps.wiki.port,
      files: apps.files.port,
      echo: apps.echo.port,
      globexWiki: apps.globexWiki.port,
    }),
    isEnrolled: async (tenant: string) => (await loadIdentity(join(folder, tenant, 'connector'))) !== undefined,
    enrol: async (
      tenant: string,
      token: string,
      api: { readonly host: string; readonly port: number; readonly serverName: string },
    ) => {
      await enrolConnector({
        token,
        stateFolder: join(folder, tenant, 'connector'),
        api,
        name: `${tenant}-office`,
        software: SOFTWARE,
      })
    },
    connect: async (tenant: string) => {
      const log = partLog(`connector`)
      connectors.push(
        await startConnector(
          { stateFolder: join(folder, tenant, 'connector'), software: SOFTWARE, drainMs: 1000 },
          { log: (message, fields) => log(message, { tenant, ...fields }) },
        ),
      )
    },
    close: async () => {
      await Promise.all(connectors.map((connector) => connector.close()))
      await Promise.all(Object.values(apps).map((app) => app.close()))
    },
  }
}
export type DemoMethods = Awaited<ReturnType<typeof startDemoParts>>

if (parentPort) answerCalls(parentPort, await startDemoParts(workerData as DemoWorkerData))
