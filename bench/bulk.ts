// One gibibyte through a sealed flow, from the app through connector, exchange and agent to a program, and through
// `ssh -L` in the same run, in turns. Every byte is compared once; the timed runs only count.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { startAgent } from '#e2e/peers/agent.ts'
import { freePort, untilListening } from '#e2e/peers/ports.ts'
import { startSsh } from '#e2e/peers/ssh.ts'
import { childrenOf, processorSeconds } from './processes.ts'
import { startMeasured } from './product.ts'
import { type Options, ratioAtLeast, row, type Row } from './row.ts'

const GIBIBYTE = 1024 ** 3

export async function measureBulk({ isQuick, say }: Options): Promise<readonly Row[]> {
  await using measured = await startMeasured()
  const { product, pids, ports } = measured
  const credentials = product.accounts.get('acme/alice')
  if (credentials === undefined) throw new Error('alice is not there')
  const forwards = ['source.acme.test:19']
  await using agent = await startAgent({ product, tenant: 'acme', credentials, forwards, isApart: false })
  const [agentPid = 0] = childrenOf(process.pid, 'agent', 'up')
  const door = agent.forwards.get(forwards[0] ?? '') ?? 0
  const ssh = await startTunnel(ports.source)
  await using _ssh = ssh

  const bytes = isQuick ? GIBIBYTE / 4 : GIBIBYTE
  const want = await digest(ports.source, bytes)
  const isIntact = (await digest(door, bytes)) === want
  const parts = { agent: agentPid, exchange: pids.exchange, connector: pids.connector }
  const ours: number[] = []
  const theirs: number[] = []
  const sshCost: number[] = []
  const cost: Record<string, number[]> = { agent: [], exchange: [], connector: [] }
  for (let each = 0; each < (isQuick ? 3 : 5); each++) {
    const before = Object.values(parts).map(processorSeconds)
    ours.push(await gigabitsPerSecond(door, bytes))
    Object.entries(parts).forEach(([name, pid], at) =>
      cost[name]?.push((processorSeconds(pid) - (before[at] ?? 0)) / (bytes / 1e9)),
    )
    if (ssh !== null) {
      const sshBefore = ssh.processorSeconds()
      theirs.push(await gigabitsPerSecond(ssh.port, bytes))
      sshCost.push((ssh.processorSeconds() - sshBefore) / (bytes / 1e9))
    }
    say(`bulk ${each + 1}: ${ours.at(-1)?.toFixed(2)} Gbit/s, ssh ${theirs.at(-1)?.toFixed(2) ?? 'absent'}`)
  }
  const peer =
    ssh === null ? {} : { peer: { values: theirs, version: `ssh -L, ${ssh.version}` }, goal: ratioAtLeast(0.5) }
  return [
    row({
      name: `${isQuick ? 'a quarter of ' : ''}1 GiB through a sealed flow arrives intact`,
      unit: '(1 = yes)',
      values: [isIntact ? 1 : 0],
      goal: { of: 'ours', is: 'at least', value: 1 },
      counted: 'SHA-256 at both ends',
    }),
    row({
      name: 'sealed flow, bulk',
      unit: 'Gbit/s',
      values: ours,
      ...peer,
      counted: 'app → connector → exchange → agent → program, all on this machine',
    }),
    ...Object.entries(cost).map(([name, values]) =>
      row({ name: `… processor time of the ${name}`, unit: 's/GB', values, counted: `${name}, user and system` }),
    ),
    ...(ssh === null
      ? []
      : [
          row({
            name: '… processor time of ssh and its sshd',
            unit: 's/GB',
            values: sshCost,
            counted: 'both ends of ssh -L',
          }),
        ]),
  ]
}

function read(port: number, bytes: number, onChunk: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let got = 0
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(`${bytes}\n`))
    socket.setTimeout(60_000, () => socket.destroy(new Error('no bytes for a minute')))
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length
      onChunk(chunk)
    })
    socket.once('error', reject)
    socket.once('close', () => (got === bytes ? resolve() : reject(new Error(`${got} of ${bytes} bytes arrived`))))
  })
}

async function digest(port: number, bytes: number): Promise<string> {
  const hash = createHash('sha256')
  await read(port, bytes, (chunk) => {
    hash.update(chunk)
  })
  return hash.digest('hex')
}

async function gigabitsPerSecond(port: number, bytes: number): Promise<number> {
  const begin = performance.now()
  await read(port, bytes, () => {})
  return (bytes * 8) / 1e6 / (performance.now() - begin)
}

/** `ssh -L` to a real sshd on loopback; null, said so in the table by its absence, where there is none. */
async function startTunnel(targetPort: number) {
  if (spawnSync('which', ['ssh', 'sshd'], { env: { PATH: `${process.env['PATH']}:/usr/sbin` } }).status !== 0)
    return null
  await using opened = new AsyncDisposableStack()
  const server = opened.use(await startSsh('bench'))
  const port = await freePort()
  const client = spawn(
    'ssh',
    [
      ...server.options,
      '-N',
      '-L',
      `127.0.0.1:${port}:127.0.0.1:${targetPort}`,
      '-p',
      String(server.port),
      `${server.user}@127.0.0.1`,
    ],
    { stdio: 'ignore' },
  )
  opened.defer(() => void client.kill('SIGTERM'))
  await untilListening(port)
  const [daemon = 0] = childrenOf(process.pid, 'sshd')
  const pids = () => [client.pid ?? 0, ...descendants(daemon)]
  const version = spawnSync('ssh', ['-V'], { encoding: 'utf8' }).stderr.split(',')[0] ?? 'ssh'
  const running = opened.move()
  return {
    port,
    version,
    processorSeconds: () => pids().reduce((sum, pid) => sum + processorSeconds(pid), 0),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function descendants(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(descendants)]
}
