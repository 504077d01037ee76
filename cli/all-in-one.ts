// Control, exchange and (for the demo) connectors in one process: the exchange on the main thread, the others in
// threads of their own. The parts speak to each other over their wire protocols on loopback, as they do when apart.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Fault, isFault } from '#core/fault.ts'
import { enrolExchange } from '#exchange/enrol.ts'
import { type Exchange, startExchange } from '#exchange/server.ts'
import type { WatchConfig } from '#operations/watch-endpoint.ts'
import { outboundDeps } from './outbound-tools.ts'
import type { ControlConfig } from '#control/config.ts'
import { consoleFolder } from './build-console.ts'
import type { ControlMethods, ControlWorkerData } from './control-worker.ts'
import type { DetectionSettings } from './detection.ts'
import type { LakeSettings } from './lake.ts'
import type { OutboundFlags } from './outbound-flags.ts'
import type { PartLog } from './log.ts'
import { SOFTWARE } from './version.ts'
import { startExchangeFigures } from './watching/exchange-figures.ts'
import type { TraceFlags } from './watching/options.ts'
import { watch } from './watching/watch.ts'
import { callWorker, type WorkerCaller } from './worker-call.ts'

export type AllInOneConfig = {
  readonly dataFolder: string
  readonly domain: string
  readonly appsDomain: string
  /** The one public port. 0: any free one, kept for the next start. */
  readonly port: number
  readonly listenHost: string
  /** Name or address under which agents and connectors reach it. */
  readonly publicHost: string
  /** How the exchange reaches the internet; default: as this machine does, with our own starter list. */
  readonly outbound?: OutboundFlags
  /** How behaviour is watched; default: 14 days of learning first. */
  readonly detection?: DetectionSettings
  /** Who may watch; default: nobody. */
  readonly watching?: {
    readonly at: WatchConfig | undefined
    readonly traces: TraceFlags | undefined
    readonly tenants: boolean
  }
  /** How old events are kept as files; default: beside control, copied nowhere. */
  readonly lake?: LakeSettings
}

export type AllInOne = {
  readonly port: number
  readonly control: WorkerCaller<ControlMethods>
  readonly exchange: Exchange
  readonly webCaPem: string
  readonly webCaFile: string
  readonly firstInvitation: { readonly url: string } | null
  /** Where parts of this machine reach the API. */
  readonly api: { readonly host: string; readonly port: number; readonly serverName: string }
  close(): Promise<void>
}

export const ADMINISTRATOR = 'admin'

export async function startAllInOne(config: AllInOneConfig, log: PartLog): Promise<AllInOne> {
  const { dataFolder, domain, appsDomain, listenHost, publicHost } = config
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  await using opened = new AsyncDisposableStack()
  const controlConfig: ControlConfig = {
    dataFolder: folder(dataFolder, 'control'),
    domain,
    appsDomain,
    publicPort: config.port,
    listen: { host: '127.0.0.1', port: 0 },
    relays: ['127.0.0.1'],
    consoleFolder,
    administrator: ADMINISTRATOR,
    software: SOFTWARE,
  }
  const control = callWorker<ControlMethods>(
    new Worker(new URL('control-worker.ts', import.meta.url), {
      workerData: {
        config: controlConfig,
        ...(config.detection && { detection: config.detection }),
        ...(config.lake && { lake: config.lake }),
      } satisfies ControlWorkerData,
    }),
    'control',
  )
  opened.defer(() => control.close())
  const started = await Promise.race([control.call('started'), control.died]).catch((error: unknown) => {
    if (!isFault(error, 'address-in-use')) throw error
    throw new Fault('address-in-use', { hint: `Sallyport runs already with the data in ${dataFolder}.`, cause: error })
  })
  const private_ = { host: '127.0.0.1', port: started.port }
  const webCaPem = started.webCaPem.join('\n')
  const webCaFile = join(dataFolder, 'web-ca.pem')
  if (!existsSync(webCaFile) || readFileSync(webCaFile, 'utf8') !== webCaPem) writeFileSync(webCaFile, webCaPem)

  const identityFolder = join(dataFolder, 'exchange', 'identity')
  if (!existsSync(identityFolder)) {
    const { token } = await control.call('exchangeToken', ADMINISTRATOR, 'here')
    await enrolExchange({
      apiHost: `api.${domain}`,
      address: private_,
      token,
      folder: identityFolder,
      name: 'here',
      software: SOFTWARE,
    })
  }
  const { watching } = config
  const figures = await startExchangeFigures({ traces: watching?.traces, tenants: watching?.tenants === true }, log)
  opened.defer(() => figures.close())
  const exchange = await startExchange(
    {
      identityFolder,
      dataFolder: folder(join(dataFolder, 'exchange'), 'state'),
      listen: { host: listenHost, port: config.port },
      publicAddress: `${publicHost}:${config.port}`,
      feed: private_,
      control: private_,
      drainMs: 2000,
      ...(config.outbound !== undefined && { outbound: config.outbound.exchange }),
    },
    { log, outbound: outboundDeps(join(dataFolder, 'exchange', 'state'), config.outbound?.tools), ...figures.deps },
  ).catch((error: unknown) => {
    if (!isFault(error, 'address-in-use')) throw error
    throw new Fault('address-in-use', {
      hint: `${listenHost} port ${config.port}; choose another with --port.`,
      cause: error,
    })
  })
  opened.defer(() => exchange.close())
  const watched = await watch(watching?.at, {
    part: 'all-in-one',
    collect: async () => [...figures.collect(exchange), ...(await control.call('samples'))],
    whyNotReady: async () => [...exchange.whyNotReady(), ...(await control.call('whyNotReady'))],
  })
  opened.defer(() => watched.close())
  await exchange.ready(AbortSignal.timeout(30_000))
  const running = opened.move()
  return {
    port: exchange.port,
    control,
    exchange,
    webCaPem,
    webCaFile,
    firstInvitation: started.firstInvitation,
    api: { ...private_, serverName: `api.${domain}` },
    close: () => running.disposeAsync(),
  }
}

function folder(parent: string, name: string): string {
  const path = join(parent, name)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return path
}
