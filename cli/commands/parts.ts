// Commands that run a part until it is told to stop. Each part is imported only when it runs.
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Fault } from '#core/fault.ts'
import { type Command, parseDuration } from '#cli/command.ts'
import { collectOnce } from '#cli/collect-once.ts'
import { outboundOptions, readOutboundFlags } from '#cli/outbound-flags.ts'
import { enrolmentToken } from '#cli/enrolment-token.ts'
import { lakeOptions, lakeSettings } from '#cli/lake-flags.ts'
import { formatEndpoint, parseEndpoint, parseServer } from '#cli/endpoints.ts'
import { partLog, settleLogForm } from '#cli/log.ts'
import { write } from '#cli/output.ts'
import { closing, needed, serverOptions } from '#cli/part-options.ts'
import { type Running, runUntilSignal } from '#cli/running.ts'
import { SOFTWARE } from '#cli/version.ts'
import { traceFlagsOf, traceOptions, watchConfigOf, watchOptions } from '#cli/watching/options.ts'
import { certificateOptions, webOf } from '#cli/certificate-flags.ts'
import { compileThreads, restartWhenCold } from '#cli/warm-start.ts'

export const exchange: Command = {
  usage: 'exchange --control URL --listen ADDRESS --public ADDRESS --data FOLDER',
  summary: 'run an exchange: one TCP port, where the two halves of each connection meet',
  options: {
    ...serverOptions,
    listen: { type: 'string', help: 'host:port of the one public port (default 0.0.0.0:443)' },
    public: { type: 'string', help: 'host:port under which agents, connectors and browsers reach it' },
    balancer: {
      type: 'string',
      multiple: true,
      help: 'address or network of a balancer that sends PROXY protocol v2; may be repeated',
    },
    ...outboundOptions,
    ...watchOptions,
    ...traceOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const data = needed(input, 'data', exchange)
    const control = parseServer(needed(input, 'control', exchange), input.text('address'))
    const listen = parseEndpoint(input.text('listen') ?? '0.0.0.0:443', '--listen')
    const { enrolExchange } = await import('#exchange/enrol.ts')
    const { startExchange } = await import('#exchange/server.ts')
    const { outboundDeps } = await import('#cli/outbound-tools.ts')
    const outbound = await readOutboundFlags(input)
    const watchAt = watchConfigOf(input)
    const watching = { traces: traceFlagsOf(input), tenants: input.flag('metrics-tenants') }
    const { startExchangeFigures } = await import('#cli/watching/exchange-figures.ts')
    const { watch } = await import('#cli/watching/watch.ts')
    await restartWhenCold()
    const identityFolder = join(data, 'identity')
    const log = partLog('exchange')
    if (!existsSync(identityFolder)) {
      const token = enrolmentToken(input, exchange)
      const { exchangeId } = await enrolExchange({
        apiHost: control.serverName,
        address: { host: control.host, port: control.port },
        token,
        folder: identityFolder,
        software: SOFTWARE,
      })
      log('enrolled', { exchangeId })
    }
    const figures = await startExchangeFigures(watching, log)
    const running = await startExchange(
      {
        identityFolder,
        dataFolder: join(data, 'state'),
        listen,
        publicAddress: input.text('public') ?? formatEndpoint(listen),
        feed: { host: control.host, port: control.port },
        control: { host: control.host, port: control.port },
        balancers: input.list('balancer'),
        outbound: outbound.exchange,
      },
      { log, outbound: outboundDeps(join(data, 'state'), outbound.tools), ...figures.deps },
    )
    const watched = await watch(watchAt, {
      part: 'exchange',
      collect: () => figures.collect(running),
      whyNotReady: running.whyNotReady,
    }).catch(closing(running))
    write(`exchange: listening on ${formatEndpoint({ host: listen.host, port: running.port })}`)
    return await runUntilSignal([figures, watched, running], input.signal)
  },
}

const DEMO_PORT = 8443

/** What the threads of `start` are made of. */
const ownFolders =
  'cli core cedar transport journal exchange connector control demo inspection intelligence lake operations'.split(' ')

async function compileAll(): Promise<void> {
  await import('#cli/control-worker.ts')
  await import('#cli/demo-worker.ts')
  await import('#cedar/worker.ts')
  await import('#cli/demo.ts')
  await import('#cli/demo-screen.ts')
}

export const start: Command = {
  usage: 'start --data FOLDER',
  summary: 'run control and an exchange in one process; --demo adds tenants, apps and a connector to try',
  options: {
    demo: { type: 'boolean', help: 'with the demo tenants Acme and Globex' },
    play: { type: 'string', help: 'with --demo: play this drill on Acme once it runs, and write its report' },
    data: { type: 'string', help: 'folder for keys and state (default ./data)' },
    port: { type: 'string', help: `the one public port (default ${DEMO_PORT})` },
    listen: { type: 'string', help: 'address to listen on (default 127.0.0.1 for the demo, else 0.0.0.0)' },
    domain: { type: 'string', help: 'domain of doors, sign-in, console and API (default sallyport.localhost)' },
    'apps-domain': { type: 'string', help: 'another registrable domain, only for apps (default apps.localhost)' },
    public: { type: 'string', help: 'name or address under which agents and connectors reach it (default 127.0.0.1)' },
    ...outboundOptions,
    ...watchOptions,
    ...traceOptions,
    ...lakeOptions,
    'learn-for': { type: 'string', help: 'how long detection only learns (default 14d; in the demo 0)' },
  },
  positionals: [0, 0],
  async run(input) {
    const { buildConsole } = await import('#cli/build-console.ts')
    const { startAllInOne } = await import('#cli/all-in-one.ts')
    const isDemo = input.flag('demo')
    const outbound = await readOutboundFlags(input)
    await compileThreads(compileAll, ownFolders)
    buildConsole()
    const dataFolder = resolve(input.text('data') ?? 'data')
    const domain = input.text('domain') ?? 'sallyport.localhost'
    const appsDomain = input.text('apps-domain') ?? 'apps.localhost'
    settleLogForm()
    const log = partLog('exchange')
    const main = await startAllInOne(
      {
        dataFolder,
        domain,
        appsDomain,
        port: parsePort(input.text('port') ?? String(DEMO_PORT)),
        listenHost: input.text('listen') ?? (isDemo ? '127.0.0.1' : '0.0.0.0'),
        publicHost: input.text('public') ?? '127.0.0.1',
        outbound,
        watching: { at: watchConfigOf(input), traces: traceFlagsOf(input), tenants: input.flag('metrics-tenants') },
        lake: await lakeSettings(input),
        detection: { storiesPerDay: 1, warmupMs: parseWarmup(input.text('learn-for') ?? (isDemo ? '0' : '14d')) },
      },
      log,
    )
    const running: Running[] = [main]
    try {
      await announce()
    } catch (error) {
      // Half a start serves nobody: what runs already must not keep the process and its port.
      for (const part of running.toReversed()) await part.close()
      throw error
    }
    return await runUntilSignal(running, input.signal, main.control.died)

    async function announce(): Promise<void> {
      if (!isDemo) {
        const first = main.firstInvitation
        return write(
          first
            ? `Set up the first administrator, once, at\n${first.url}`
            : `Running: https://console.${domain}:${main.port}/`,
        )
      }
      const { startDemo } = await import('#cli/demo.ts')
      const { demoScreen } = await import('#cli/demo-screen.ts')
      const demo = await startDemo(main, dataFolder, domain)
      running.push(demo)
      collectOnce()
      write(demoScreen({ demo, domain, appsDomain, port: main.port, webCaFile: main.webCaFile }))
      const scenario = input.text('play')
      if (scenario === undefined) return
      const { playOnDemo } = await import('#cli/play-demo.ts')
      write(`\n  The report: ${await playOnDemo(dataFolder, scenario, input.signal)}`)
    }
  },
}

export const control: Command = {
  usage: 'control --data FOLDER --domain DOMAIN --apps-domain DOMAIN',
  summary: 'run the control plane on its private port',
  options: {
    data: { type: 'string', help: 'folder for the store, the journal and the key file' },
    domain: { type: 'string', help: 'domain of doors, sign-in, console and API' },
    'apps-domain': { type: 'string', help: 'another registrable domain, only for apps' },
    listen: { type: 'string', help: 'host:port of the private port (default 127.0.0.1:8444)' },
    'public-port': { type: 'string', help: 'port in URLs shown to people (default 443)' },
    receiver: {
      type: 'string',
      multiple: true,
      help: 'inside address or network that tenants may send events to; may be repeated',
    },
    relay: {
      type: 'string',
      multiple: true,
      help: 'address or network of an exchange that relays to it; may be repeated',
    },
    'postgres-from': {
      type: 'string',
      help: 'name of the environment variable that holds a PostgreSQL URL (default: SQLite)',
    },
    'feed-address': {
      type: 'string',
      help: 'host:port where exchanges dial the feed (default: as they were enrolled)',
    },
    ...lakeOptions,
    'learn-for': { type: 'string', help: 'how long detection only learns, such as 14d (default) or 0' },
    ...watchOptions,
    ...certificateOptions,
    'exchange-token': { type: 'string', help: 'also write a token that enrols an exchange of this name, once' },
  },
  positionals: [0, 0],
  async run(input) {
    const { buildConsole, consoleFolder } = await import('#cli/build-console.ts')
    const { startControl } = await import('#control/server.ts')
    const { parseControlConfig } = await import('#control/config.ts')
    const { startControlFigures } = await import('#cli/watching/control-figures.ts')
    const { watch } = await import('#cli/watching/watch.ts')
    const { startWhatIf } = await import('#intelligence/what-if/what-if.ts')
    const { startConductor } = await import('#cli/conductor.ts')
    const { detectionWith, usualDetection } = await import('#cli/detection.ts')
    const { lakeBeside } = await import('#cli/lake.ts')
    const { shippedScenarios } = await import('#cli/scenarios.ts')
    const watchAt = watchConfigOf(input)
    await restartWhenCold()
    buildConsole()
    const postgres = input.text('postgres-from')
    const feedAddress = input.text('feed-address')
    const config = parseControlConfig({
      dataFolder: needed(input, 'data', control),
      domain: needed(input, 'domain', control),
      appsDomain: needed(input, 'apps-domain', control),
      publicPort: parsePort(input.text('public-port') ?? '443'),
      listen: parseEndpoint(input.text('listen') ?? '127.0.0.1:8444', '--listen'),
      relays: input.list('relay'),
      receivers: input.list('receiver'),
      consoleFolder,
      software: SOFTWARE,
      ...(postgres !== undefined && { store: { kind: 'postgres', urlFromEnvironment: postgres } }),
      ...(feedAddress !== undefined && { feedAddress }),
      ...webOf(input),
    })
    const { startLake, source } = lakeBeside(await lakeSettings(input))
    const journalRoot = join(config.dataFolder, 'journal')
    const whatIf = startWhatIf({ journalRoot }, source === undefined ? {} : { source })
    const figures = startControlFigures()
    const conductor = startConductor(partLog('conductor'))
    const running = await startControl(config, {
      log: partLog('control'),
      answered: figures.answered,
      whatIf,
      conductor,
      scenarios: shippedScenarios(),
      startLake,
      startDetection: detectionWith({
        ...usualDetection,
        warmupMs: parseWarmup(input.text('learn-for')),
      }),
    })
    const watched = await watch(watchAt, {
      part: 'control',
      collect: async () => figures.collect(await running.figures()),
      whyNotReady: running.whyNotReady,
    }).catch(closing(running))
    // For people and agents who have no public certificate to trust; nothing in it is secret.
    writeFileSync(join(config.dataFolder, 'web-ca.pem'), running.webCaPem.join('\n'), { mode: 0o644 })
    write(`control: listening on ${formatEndpoint({ host: config.listen.host, port: running.port })}`)
    if (running.firstInvitation) write(`Set up the first administrator, once, at\n${running.firstInvitation.url}`)
    const exchangeName = input.text('exchange-token')
    if (exchangeName !== undefined) {
      const { createLocalAccess } = await import('#control/local-access.ts')
      write(`exchange token: ${(await createLocalAccess(running.context).exchangeToken('admin', exchangeName)).token}`)
    }
    return await runUntilSignal([watched, whatIf, running, conductor], input.signal)
  },
}

/** `14d`, or `0` for none. */
function parseWarmup(text = '14d'): number {
  return text === '0' ? 0 : parseDuration(text) * 1000
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535)
    throw new Fault('configuration-invalid', { hint: `"${text}" is not a port.` })
  return port
}
