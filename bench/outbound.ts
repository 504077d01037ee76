// The way to the internet beside Squid with ssl-bump and mitmproxy: same origin, same client, in turns. Ours has identity
// by client certificate (so one more layer of TLS than the peers, which are spoken to in clear), policy, category
// look-up and journal on. Figures are per second of processor time of the proxy, so that the client does not count.
// A gateway runs for months: everybody is warmed up first, which fills Squid's certificate cache and lets ours compile.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runUntilLine, type Child } from '#e2e/run-sallyport.ts'
import { createAuthority } from '#transport/certificate-authority.ts'
import { leaf } from '#transport/testing.ts'
import { get, openDirect, openTunnel, type Proxy } from './outbound-client.ts'
import { startMitmproxy, startSquid, type Peer } from './outbound-peers.ts'
import { processorSeconds } from './processes.ts'
import { atMost, percentile, ratioAtLeast, row, type Options, type Row } from './row.ts'

const CONNECTIONS = 32
const MiB = 1024 * 1024
const DOOR = 'acme.proxy.sallyport.test'

const WARM_REQUESTS = 12_000
const WARM_TUNNELS = 800
const WARM_BODIES = 300

type Runner = { readonly name: string; readonly proxy: Proxy; readonly pids: () => readonly number[] }

export async function measureOutbound({ isQuick, say }: Options): Promise<readonly Row[]> {
  await using opened = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-outbound-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const at = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const siteCa = await createAuthority({ commonName: 'sites', days: 2, pathLength: 0 })
  const siteCaFile = at('sites.pem', siteCa.certificatePem)
  const own = await leaf(siteCa, { sanDns: ['origin.test', 'scanned.test', 'localhost'] })
  const origin = await start('outbound-origin.ts', [at('origin.pem', own.cert), at('origin.key', own.key)])
  opened.defer(() => origin.child.stop())
  const originPort = Number(origin.said['port'])
  const exchange = await start('outbound-exchange.ts', [siteCaFile])
  opened.defer(() => exchange.child.stop())
  const said = (name: string) => readFileSync(String(exchange.said[name]), 'utf8')
  const ours: Runner = {
    name: 'ours',
    proxy: {
      port: Number(exchange.said['port']),
      door: { servername: DOOR, ca: said('doorCaPath'), cert: said('certPath'), key: said('keyPath') },
      ca: said('rootPath'),
      host: 'origin.test',
    },
    pids: () => [exchange.child.process.pid ?? 0],
  }
  const squid = keep(opened, await startSquid(siteCaFile), 'squid', say)
  const mitmproxy = keep(opened, await startMitmproxy(join(folder, 'mitmproxy')), 'mitmproxy', say)
  const peers = [squid, mitmproxy].filter((peer) => peer !== null)
  const repeats = isQuick ? 3 : 5
  const scale = isQuick ? 0.4 : 1

  for (const { name, proxy } of [ours, ...peers.map(runnerOf)]) {
    // Python compiles nothing while it runs.
    const share = name === 'mitmproxy' ? 0.05 : 1
    await keepAlive(proxy, originPort, '/10k', Math.round(WARM_REQUESTS * share))
    await newTunnels(proxy, originPort, Math.round(WARM_TUNNELS * share))
    await keepAlive(proxy, originPort, '/1m', Math.round(WARM_BODIES * share))
  }
  await keepAlive(scanned(ours.proxy), originPort, '/text', WARM_BODIES)
  say('warm')
  const requests = await inTurns([ours, ...peers.map(runnerOf)], repeats, (runner) =>
    perProcessorSecond(runner, (begin) =>
      keepAlive(runner.proxy, originPort, '/10k', Math.round(6_000 * scale), begin),
    ),
  )
  say(`10 KiB: ${words(requests)}`)
  const tunnels = await inTurns([ours, ...peers.map(runnerOf)], repeats, (runner) =>
    perProcessorSecond(runner, () => newTunnels(runner.proxy, originPort, Math.round(1_000 * scale))),
  )
  say(`tunnels: ${words(tunnels)}`)
  const large = await inTurns([ours, ...peers.map(runnerOf)], repeats, async (runner) => {
    const each = await perProcessorSecond(runner, (begin) =>
      keepAlive(runner.proxy, originPort, '/1m', Math.round(400 * scale), begin),
    )
    return (each * MiB) / 1e6
  })
  say(`1 MiB: ${words(large)}`)
  const text = await inTurns([ours, ...peers.slice(0, 1).map(runnerOf)], repeats, async (runner) => {
    const proxy = runner === ours ? scanned(runner.proxy) : runner.proxy
    const each = await perProcessorSecond(runner, () => keepAlive(proxy, originPort, '/text', Math.round(200 * scale)))
    return (each * MiB) / 1e6
  })
  say(`1 MiB of text, looked into by us: ${words(text)}`)
  const added = await addedLatency(ours.proxy, originPort, siteCa.certificatePem, Math.round(2_000 * scale))

  const counted = 'processor time of the proxy; ours with identity, policy, categories, journal and one more TLS'
  const against = (figures: Figures, peer: Peer | null, name: string, goal: number) => {
    const values = peer === null ? undefined : figures.get(name)
    return peer === null || values === undefined
      ? {}
      : { peer: { values, version: peer.version }, goal: ratioAtLeast(goal) }
  }
  const unit = 'requests/CPU-s'
  const values = (figures: Figures) => figures.get('ours') ?? []
  return [
    row({
      name: '10 KiB, 32 kept connections',
      unit,
      values: values(requests),
      counted,
      ...against(requests, squid, 'squid', 1),
    }),
    ...(mitmproxy === null
      ? []
      : [
          row({
            name: '… beside mitmproxy',
            unit,
            values: values(requests),
            counted,
            ...against(requests, mitmproxy, 'mitmproxy', 8),
          }),
        ]),
    row({
      name: 'new intercepted tunnels',
      unit: 'tunnels/CPU-s',
      values: values(tunnels),
      counted,
      ...against(tunnels, squid, 'squid', 1.3),
    }),
    row({
      name: '1 MiB bodies, not scanned',
      unit: 'MB/CPU-s',
      values: values(large),
      counted,
      ...against(large, squid, 'squid', 1.3),
    }),
    row({
      name: '1 MiB of text, looked into (dlp, malware)',
      unit: 'MB/CPU-s',
      values: values(text),
      counted: `${counted}; Squid looks into nothing`,
      ...against(text, squid, 'squid', 0.5),
    }),
    row({
      name: 'added latency, p50',
      unit: 'ms',
      values: [added],
      counted: '10 KiB on one kept connection',
      goal: atMost(1),
    }),
  ]
}

type Figures = ReadonlyMap<string, readonly number[]>

/** Each repeat measures everybody, so that a slow moment of the machine is shared. */
async function inTurns(
  runners: readonly Runner[],
  repeats: number,
  measure: (runner: Runner) => Promise<number>,
): Promise<Figures> {
  const figures = new Map<string, number[]>(runners.map(({ name }) => [name, []]))
  for (let each = 0; each < repeats; each++) {
    for (const runner of runners) figures.get(runner.name)?.push(await measure(runner))
  }
  return figures
}

/** `work` calls `begin` when what is counted begins. */
async function perProcessorSecond(runner: Runner, work: (begin: () => void) => Promise<number>): Promise<number> {
  const used = () => runner.pids().reduce((sum, pid) => sum + processorSeconds(pid), 0)
  let before = used()
  const done = await work(() => (before = used()))
  return done / Math.max(0.01, used() - before)
}

/** Opening the connections is another row's. */
async function keepAlive(
  proxy: Proxy,
  originPort: number,
  path: string,
  total: number,
  begin: () => void = () => {},
): Promise<number> {
  const authority = `${proxy.host}:${originPort}`
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => openTunnel(proxy, originPort)))
  begin()
  let left = total
  const runs = sockets.map(async (socket) => {
    while (left-- > 0) await get(socket, authority, path)
    socket.destroy()
  })
  await Promise.all(runs)
  return total
}

async function newTunnels(proxy: Proxy, originPort: number, total: number): Promise<number> {
  const authority = `${proxy.host}:${originPort}`
  let left = total
  const runs = Array.from({ length: 8 }, async () => {
    while (left-- > 0) {
      const socket = await openTunnel(proxy, originPort)
      await get(socket, authority, '/10k')
      socket.destroy()
    }
  })
  await Promise.all(runs)
  return total
}

async function addedLatency(proxy: Proxy, originPort: number, ca: string, total: number): Promise<number> {
  const direct = await openDirect(originPort, ca)
  const through = await openTunnel(proxy, originPort)
  const took = { direct: [] as number[], through: [] as number[] }
  for (let each = 0; each < total; each++) {
    for (const [name, socket] of [
      ['direct', direct],
      ['through', through],
    ] as const) {
      const startMs = performance.now()
      await get(socket, `origin.test:${originPort}`, '/10k')
      took[name].push(performance.now() - startMs)
    }
  }
  direct.destroy()
  through.destroy()
  return percentile(took.through, 0.5) - percentile(took.direct, 0.5)
}

async function start(
  program: string,
  args: readonly string[],
): Promise<{ readonly child: Child; readonly said: Record<string, unknown> }> {
  const path = fileURLToPath(new URL(`./${program}`, import.meta.url))
  const child = await runUntilLine([process.execPath, path, ...args], /^\{/)
  return { child, said: JSON.parse(child.line) as Record<string, unknown> }
}

function keep(opened: AsyncDisposableStack, peer: Peer | null, name: string, say: (text: string) => void) {
  if (peer === null) {
    say(`${name} is not on the path: measured without it`)
    return null
  }
  opened.use(peer)
  return Object.assign(peer, { name })
}

/** The same site by the name that policy wants looked into. */
function scanned(proxy: Proxy): Proxy {
  return { ...proxy, host: 'scanned.test' }
}

function runnerOf({ name, proxy, pids }: Runner): Runner {
  return { name, proxy, pids }
}

function words(figures: Figures): string {
  return [...figures].map(([name, values]) => `${name} ${percentile(values, 0.5).toFixed(0)}`).join(', ')
}
