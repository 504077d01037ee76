// Flows in numbers: how many open per second, at which cost per part, and the exchange's memory with 5,000 at rest.
import type { Socket } from 'node:net'
import { type Device, enrolDevices } from './device.ts'
import { processorSeconds, residentMb, untilIdle } from './processes.ts'
import { type Measured, startMeasured, warmUp } from './product.ts'
import { atLeast, atMost, type Options, percentile, row, type Row } from './row.ts'

const CONCURRENT = 24
const PER_SESSION = 900 // the exchange allows 1,000

export async function measureFlows(options: Options): Promise<readonly Row[]> {
  await using measured = await startMeasured()
  await using opened = new AsyncDisposableStack()
  const idleFlows = options.isQuick ? 1800 : 5000
  const devices = await enrolDevices(Math.ceil(idleFlows / PER_SESSION), measured.product)
  for (const device of devices) opened.use(device)
  for (const device of devices) await warmUp(device)
  return [...(await rate(measured, devices, options)), ...(await atRest(measured, devices, idleFlows, options))]
}

async function rate(
  { pids }: Measured,
  devices: readonly Device[],
  { isQuick, say }: Options,
): Promise<readonly Row[]> {
  const perSecond: number[] = []
  const openMs: number[] = []
  const parts = {
    agent: process.pid,
    exchange: pids.exchange,
    connector: pids.connector,
    control: pids.control,
    app: pids.apps,
  }
  const cost: Record<string, number[]> = Object.fromEntries(Object.keys(parts).map((name) => [name, []]))
  await openFor(devices, 1000)
  for (let each = 0; each < (isQuick ? 3 : 5); each++) {
    const before = Object.values(parts).map(processorSeconds)
    const { count, seconds, tookMs } = await openFor(devices, isQuick ? 3000 : 6000)
    Object.entries(parts).forEach(([name, pid], at) =>
      cost[name]?.push(((processorSeconds(pid) - (before[at] ?? 0)) * 1000) / count),
    )
    perSecond.push(count / seconds)
    openMs.push(...tookMs)
    say(`flows ${each + 1}: ${Math.round(count / seconds)}/s`)
  }
  const alone: number[] = []
  const [device] = devices
  for (let each = 0; device !== undefined && each < 200; each++) alone.push(await timed(device))
  return [
    row({
      name: 'new sealed flows',
      unit: '/s',
      values: perSecond,
      goal: atLeast(300),
      counted: `asked, opened to the app, one byte there and back, closed; ${CONCURRENT} at a time; all parts and the agent's code on this machine`,
    }),
    ...Object.entries(cost).map(([name, values]) =>
      row({
        name: `… processor time of the ${name}`,
        unit: 'ms/flow',
        values,
        counted: `${name}, both ends of the flow`,
      }),
    ),
    row({ name: '… time to open at that rate, p50', unit: 'ms', values: [percentile(openMs, 0.5)], counted: 'agent' }),
    row({ name: '… time to open at that rate, p99', unit: 'ms', values: [percentile(openMs, 0.99)], counted: 'agent' }),
    row({
      name: '… time to open one alone, p50',
      unit: 'ms',
      values: [percentile(alone, 0.5)],
      counted: 'agent, 200 flows',
    }),
  ]
}

async function openFor(devices: readonly Device[], forMs: number) {
  const beginMs = performance.now()
  const tookMs: number[] = []
  const run = async (device: Device) => {
    while (performance.now() - beginMs < forMs) tookMs.push(await timed(device))
  }
  await Promise.all(
    Array.from({ length: CONCURRENT }, (_, at) => devices[at % devices.length]).map(
      async (device) => device && run(device),
    ),
  )
  return { count: tookMs.length, seconds: (performance.now() - beginMs) / 1000, tookMs }
}

/** From the question to the first byte back. */
async function timed(device: Device): Promise<number> {
  const beginMs = performance.now()
  const socket = await device.open('mirror.acme.test', 7)
  socket.write('x')
  await answered(socket)
  const tookMs = performance.now() - beginMs
  socket.destroy()
  return tookMs
}

function answered(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('data', () => resolve())
    socket.once('close', () => reject(new Error('a flow closed at once')))
  })
}

async function atRest(
  { pids }: Measured,
  devices: readonly Device[],
  count: number,
  { say }: Options,
): Promise<readonly Row[]> {
  await untilIdle([pids.exchange, pids.connector])
  const before = residentMb(pids.exchange)
  const connectorBefore = residentMb(pids.connector)
  const sockets: Socket[] = []
  for (const [at, device] of devices.entries()) {
    const wanted = Math.min(PER_SESSION, count - at * PER_SESSION)
    while (sockets.length < at * PER_SESSION + wanted) {
      const batch = Math.min(CONCURRENT, at * PER_SESSION + wanted - sockets.length)
      sockets.push(...(await Promise.all(Array.from({ length: batch }, () => device.open('mirror.acme.test', 7)))))
    }
  }
  // Each has carried a byte, so that no buffer is still to be made.
  for (const socket of sockets) socket.write('x')
  await Promise.all(sockets.map(answered))
  await untilIdle([pids.exchange, pids.connector])
  const alive = sockets.filter((socket) => !socket.destroyed).length
  if (alive !== count) throw new Error(`only ${alive} of ${count} flows live`)
  const exchange = residentMb(pids.exchange)
  const connector = residentMb(pids.connector)
  say(`${count} flows at rest: exchange ${Math.round(exchange)} MB, connector ${Math.round(connector)} MB`)
  for (const socket of sockets) socket.destroy()
  return [
    row({
      name: `${count} idle sealed flows`,
      unit: 'MB',
      values: [exchange],
      goal: atMost(400),
      counted: `RSS of the exchange; ${devices.length} sessions, two sockets per flow`,
    }),
    row({
      name: '… per flow',
      unit: 'kB',
      values: [((exchange - before) * 1000) / count],
      counted: 'growth of the exchange since it had opened and closed thousands',
    }),
    row({
      name: '… per flow at the connector',
      unit: 'kB',
      values: [((connector - connectorBefore) * 1000) / count],
      counted: 'growth; it is TLS server of each',
    }),
  ]
}
