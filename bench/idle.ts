// Memory at rest, and the time to the first request served: everything in one process as `npm start` runs it, then agent
// and connector as processes of their own.
import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startAgent } from '#e2e/peers/agent.ts'
import { freePort } from '#e2e/peers/ports.ts'

import { type Child, runUntilLine } from '#e2e/run-sallyport.ts'
import { type Device, enrolDevice } from './device.ts'
import { childrenOf, privateMb, residentMb, untilIdle } from './processes.ts'
import { startMeasured, warmUp } from './product.ts'
import { atMost, type Options, row, type Row } from './row.ts'

const launcher = fileURLToPath(new URL('../launch.mjs', import.meta.url))

export async function measureIdle(options: Options): Promise<readonly Row[]> {
  return [...(await together(options)), ...(await apart())]
}

async function together({ isQuick, say }: Options): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-idle-'))
  const port = await freePort()
  const start = () =>
    runUntilLine(
      [process.execPath, launcher, 'cli/main.ts', 'start', '--demo', '--data', folder, '--port', String(port)],
      /Stop with Ctrl-C/,
    )
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const startedMs = performance.now()
  const first = await start()
  opened.defer(() => first.stop())
  const firstStartMs = performance.now() - startedMs
  const device = opened.use(await enrolAlice(folder, port))
  await warmUp(device, 'echo.acme.test')
  await untilIdle([pidOf(first)])
  const afterFirst = residentMb(pidOf(first))
  await first.stop()

  const seconds: number[] = []
  const resident: number[] = []
  const own: number[] = []
  for (let each = 0; each < (isQuick ? 3 : 5); each++) {
    const beginMs = performance.now()
    const starting = start()
    // Refused at once while nothing listens: the wait adds at most its own step.
    await firstFlow(device)
    seconds.push((performance.now() - beginMs) / 1000)
    const child = await starting
    opened.defer(() => child.stop())
    await untilIdle([pidOf(child)])
    resident.push(residentMb(pidOf(child)))
    own.push(privateMb(pidOf(child)))
    await child.stop()
    say(
      `idle ${each + 1}: ${Math.round(resident.at(-1) ?? 0)} MB, first flow after ${(seconds.at(-1) ?? 0).toFixed(2)} s`,
    )
  }
  const counted = 'one process: control, exchange, two connectors, demo apps'
  return [
    row({
      name: 'idle, all parts in one process',
      unit: 'MB',
      values: resident,
      goal: atMost(250),
      counted: `RSS of ${counted}`,
    }),
    row({
      name: '… of which private',
      unit: 'MB',
      values: own,
      counted: 'the same without pages of files that others map',
    }),
    row({
      name: '… after the very first start',
      unit: 'MB',
      values: [afterFirst],
      goal: atMost(250),
      counted: 'RSS; it has made tenants, keys and accounts before it rested',
    }),
    row({
      name: 'first start to its screen',
      unit: 's',
      values: [firstStartMs / 1000],
      counted: 'empty data folder, dependencies installed',
    }),
    row({
      name: 'second start to the first flow served',
      unit: 's',
      values: seconds,
      goal: atMost(3),
      counted: 'from starting the program to bytes from an app through agent door, exchange, connector',
    }),
  ]
}

async function firstFlow(device: Device): Promise<void> {
  const end = performance.now() + 30_000
  while (performance.now() < end) {
    try {
      const socket = await device.open('echo.acme.test', 7)
      await new Promise<void>((resolve, reject) => {
        socket.once('data', () => resolve())
        socket.once('close', () => reject(new Error('closed')))
      })
      socket.destroy()
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  throw new Error('no flow was served')
}

async function enrolAlice(folder: string, port: number): Promise<Device> {
  const { accounts } = JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')) as {
    accounts: { tenant: string; user: string; password: string }[]
  }
  const alice = accounts.find(({ user }) => user === 'alice')
  if (alice === undefined) throw new Error('alice is not there')
  const webCaPem = readFileSync(join(folder, 'web-ca.pem'), 'utf8')
  return enrolDevice({ port, webCaPem }, alice)
}

async function apart(): Promise<readonly Row[]> {
  await using measured = await startMeasured()
  const { product, pids } = measured
  const credentials = product.accounts.get('acme/alice')
  if (credentials === undefined) throw new Error('alice is not there')
  await using _agent = await startAgent({ product, tenant: 'acme', credentials, forwards: [], isApart: false })
  const [agent = 0] = childrenOf(process.pid, 'agent', 'up')
  await untilIdle([agent, pids.connector, pids.exchange, pids.control])
  const one = (name: string, pid: number, goal: Row['goal'] = null) =>
    row({
      name: `idle, ${name} as a process`,
      unit: 'MB',
      values: [residentMb(pid)],
      goal,
      counted: `RSS of the ${name}`,
    })
  return [
    one('agent', agent, atMost(100)),
    one('connector', pids.connector, atMost(100)),
    one('exchange', pids.exchange),
    one('control', pids.control),
  ]
}

function pidOf(child: Child): number {
  return child.process.pid ?? 0
}
