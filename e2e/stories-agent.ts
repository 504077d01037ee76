// Stories of people with an agent: real programs through the local doors, to real apps behind a connector.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from './accounts.ts'
import { startGitHttp } from './peers/git-http.ts'
import { startPostgres } from './peers/postgres.ts'
import { startSsh } from './peers/ssh.ts'
import { curlAs, program } from './programs.ts'
import { runUntilLine } from './run-sallyport.ts'
import type { AgentHandle, World } from './world-form.ts'

type TcpApp = {
  readonly name: string
  readonly port: number
  readonly upstreamPort: number
  readonly kind?: 'tcp' | 'http'
}

async function publish(world: World, { name, port, upstreamPort, kind = 'tcp' }: TcpApp): Promise<void> {
  await world.api().call('apply', {
    body: {
      documents: [
        {
          kind: 'App',
          name,
          spec: {
            kind,
            connectorGroup: 'office',
            names: [{ host: `${name}.acme.test`, ports: [String(port)] }],
            upstream: { host: '127.0.0.1', port: upstreamPort },
          },
        },
      ],
    },
  })
}

const socksProgram = fileURLToPath(new URL('./programs/socks-connect.ts', import.meta.url))
const webSocketProgram = fileURLToPath(new URL('./programs/web-socket.ts', import.meta.url))
const nc = (agent: AgentHandle) => `ProxyCommand=${process.execPath} ${socksProgram} ${agent.socksPort} %h %p`

export async function curlThroughTheAgent(world: World): Promise<void> {
  await using alice = await world.agent('alice')
  for (const proxy of [`socks5h://127.0.0.1:${alice.socksPort}`, `http://127.0.0.1:${alice.httpPort}`]) {
    const page = await curlAs(alice.account, '-x', proxy, 'http://wiki.acme.test/')
    assert.match(page.out, /Hello, <strong>Alice Archer/, `${proxy}: ${page.err}`)
  }
  const pipe = `printf 'one two\\n' | ${process.execPath} ${socksProgram} ${alice.socksPort} echo.acme.test 7 --until 'one two'`
  const echo = await program('bash', ['-c', pipe], {}, alice.account)
  assert.match(echo.out, /echo: type something\none two\n/)
  const proxy = `http://127.0.0.1:${alice.httpPort}`
  const range = await curlAs(
    alice.account,
    '-x',
    proxy,
    '-r',
    '0-1048575',
    '-o',
    '/dev/null',
    '-w',
    '%{size_download}',
    'http://files.acme.test/large.bin',
  )
  assert.equal(range.out, '1048576')
}

export async function refusedWell(world: World): Promise<void> {
  await using bob = await world.agent('bob')
  const wiki = await curlAs(bob.account, '-x', `http://127.0.0.1:${bob.httpPort}`, 'http://wiki.acme.test/')
  assert.match(wiki.out, /Hello, <strong>Bob Brewer/)
  const files = await curlAs(
    bob.account,
    '-i',
    '-x',
    `http://127.0.0.1:${bob.httpPort}`,
    '-H',
    'Accept: application/json',
    'http://files.acme.test/',
  )
  assert.match(files.out, /^HTTP\/1\.1 403 /)
  assert.match(files.out, /sallyport-reason: no-policy/i)
  const echo = await program(
    process.execPath,
    [socksProgram, String(bob.socksPort), 'echo.acme.test', '7'],
    {},
    bob.account,
  )
  assert.notEqual(echo.code, 0)
  const deniedApps = async () => {
    const { items } = await world.api().call('listEvents', { query: { user: 'bob', outcome: 'failure', limit: 50 } })
    return new Set(
      items.filter(({ event }) => event['status_code'] === 'no-policy').map(({ event }) => event['app_name']),
    )
  }
  // Events travel from the exchange's journal to control's within moments.
  await until(async () => (await deniedApps()).has('files') && (await deniedApps()).has('echo'))
}

export async function gitOverHttpAndSsh(world: World): Promise<void> {
  await using http = await startGitHttp()
  await using ssh = await startSsh('ssh.acme.test')
  await publish(world, { name: 'code', kind: 'http', port: 80, upstreamPort: http.port })
  await publish(world, { name: 'ssh', port: 22, upstreamPort: ssh.port })
  await using alice = await world.agent('alice')
  const folder = temporaryFolder('sallyport-git-', alice.account)
  ssh.lendKeyTo(alice.account)
  try {
    const env = {
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'a',
      GIT_AUTHOR_EMAIL: 'a@a',
      GIT_COMMITTER_NAME: 'a',
      GIT_COMMITTER_EMAIL: 'a@a',
    }
    const proxy = ['-c', `http.proxy=http://127.0.0.1:${alice.httpPort}`]
    const git = async (...args: string[]) => {
      const GIT_SSH_COMMAND = `ssh ${[...ssh.options, '-o', `'${nc(alice)}'`].join(' ')}`
      const outcome = await program('git', args, { ...env, GIT_SSH_COMMAND }, alice.account)
      assert.equal(outcome.code, 0, `git ${args.join(' ')}: ${outcome.err}`)
      return outcome
    }
    await git(...proxy, 'clone', '-q', 'http://code.acme.test/project.git', join(folder, 'one'))
    writeFileSync(join(folder, 'one', 'large'), randomBytes(8 * 1024 * 1024))
    await git('-C', join(folder, 'one'), 'add', '.')
    await git('-C', join(folder, 'one'), 'commit', '-qm', 'first')
    await git('-C', join(folder, 'one'), ...proxy, 'push', '-q', 'origin', 'HEAD:main')
    const remote = `${ssh.user}@ssh.acme.test:${http.folder}/project.git`
    await git('clone', '-q', '-b', 'main', remote, join(folder, 'two'))
    assert.deepEqual(readFileSync(join(folder, 'two', 'large')), readFileSync(join(folder, 'one', 'large')))
    writeFileSync(join(folder, 'two', 'note'), 'from ssh\n')
    await git('-C', join(folder, 'two'), 'add', '.')
    await git('-C', join(folder, 'two'), 'commit', '-qm', 'second')
    await git('-C', join(folder, 'two'), 'push', '-q', 'origin', 'HEAD:main')
    await git('-C', join(folder, 'one'), ...proxy, 'pull', '-q', 'origin', 'main')
    assert.equal(readFileSync(join(folder, 'one', 'note'), 'utf8'), 'from ssh\n')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function copyTreesOverSsh(world: World): Promise<void> {
  await using ssh = await startSsh('tree.acme.test')
  await publish(world, { name: 'tree', port: 22, upstreamPort: ssh.port })
  await using alice = await world.agent('alice')
  const folder = temporaryFolder('sallyport-tree-', alice.account)
  ssh.lendKeyTo(alice.account)
  try {
    for (let at = 0; at < 300; at++) {
      mkdirSync(join(folder, 'tree', `d${at % 20}`), { recursive: true })
      writeFileSync(join(folder, 'tree', `d${at % 20}`, `f${at}`), randomBytes((at * 977) % 60_000))
    }
    const options = [...ssh.options, '-o', nc(alice)]
    const copied = `${ssh.user}@tree.acme.test:${folder}/copied`
    const scp = await program('scp', ['-q', '-r', ...options, join(folder, 'tree'), copied], {}, alice.account)
    assert.equal(scp.code, 0, scp.err)
    const shell = ['ssh', ...options.map((option) => (option.includes(' ') ? `'${option}'` : option))].join(' ')
    const tree = `${ssh.user}@tree.acme.test:${folder}/tree/`
    const rsync = await program('rsync', ['-a', '-e', shell, tree, `${folder}/synced/`], {}, alice.account)
    assert.equal(rsync.code, 0, rsync.err)
    for (const copy of ['copied', 'synced']) {
      const same = await program('diff', ['-r', join(folder, 'tree'), join(folder, copy)])
      assert.equal(same.out, '', copy)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function psqlThroughAFixedPort(world: World): Promise<void> {
  await using database = await startPostgres()
  await publish(world, { name: 'db', port: 5432, upstreamPort: database.port })
  await using alice = await world.agent('alice', { forwards: ['db.acme.test:5432'] })
  const port = alice.forwards.get('db.acme.test:5432')
  const sql = 'select count(*), sum(length(repeat(md5(n::text), 100))) from generate_series(1, 20000) n'
  const outcome = await program(
    'psql',
    ['-h', '127.0.0.1', '-p', String(port), '-U', 'tester', '-d', 'postgres', '-Atc', sql],
    { PGPASSWORD: database.password },
    alice.account,
  )
  assert.equal(outcome.out, '20000|64000000\n', outcome.err)
}

export async function aGibibyteArrivesIntact(world: World, bytes: number): Promise<void> {
  // A sealed flow: the wiki's file server published as a tcp app too.
  const files = (await world.api().call('getResource', { params: { plural: 'apps', name: 'files' } })).spec as {
    upstream: { port: number }
  }
  await publish(world, { name: 'bulk', port: 8080, upstreamPort: files.upstream.port })
  await using alice = await world.agent('alice')
  const sum = async (url: string, ...proxy: string[]) => {
    const pipe = `set -o pipefail; curl -sS --max-time 300 ${proxy.join(' ')} -r 0-${bytes - 1} ${url} | sha256sum`
    const outcome = await program('bash', ['-c', pipe], {}, alice.account)
    assert.equal(outcome.code, 0, outcome.err)
    return outcome.out.slice(0, 64)
  }
  const direct = await sum(`http://127.0.0.1:${files.upstream.port}/large.bin`)
  const sealed = await sum('http://bulk.acme.test:8080/large.bin', '-x', `socks5h://127.0.0.1:${alice.socksPort}`)
  assert.equal(sealed, direct)
  assert.notEqual(direct, createHash('sha256').digest('hex'))
}

export async function endingASessionEndsItsFlows(world: World): Promise<void> {
  await using alice = await world.agent('alice')
  const { account } = alice
  const client = [process.execPath, webSocketProgram, String(alice.socksPort), 'ws://wiki.acme.test/socket']
  const socket = await runUntilLine(client, /^open/, { account })
  const closed = once(socket.process, 'exit')
  const held = program(process.execPath, [socksProgram, String(alice.socksPort), 'echo.acme.test', '7'], {}, account)
  const api = world.api()
  const flows = async () =>
    (await api.call('listFlows', { query: {} })).items.filter(({ userName }) => userName === 'alice')
  const of = (list: Awaited<ReturnType<typeof flows>>, appName: string, way: string) =>
    list.find((flow) => flow.appName === appName && flow.way === way)
  await until(
    async () =>
      of(await flows(), 'wiki', 'websocket') !== undefined && of(await flows(), 'echo', 'sealed') !== undefined,
  )
  const [webSocketFlow, echoFlow] = [of(await flows(), 'wiki', 'websocket'), of(await flows(), 'echo', 'sealed')]
  assert.equal(webSocketFlow?.sessionId, echoFlow?.sessionId)
  const effect = await api.call('endSession', { params: { id: echoFlow?.sessionId ?? '' } })
  assert.deepEqual(effect.missing, [])
  assert.ok(effect.receipts.reduce((sum, { cutFlows }) => sum + cutFlows, 0) >= 2)
  await closed
  await held
  const again = await curlAs(
    account,
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '-x',
    `http://127.0.0.1:${alice.httpPort}`,
    'http://wiki.acme.test/',
  )
  assert.notEqual(again.out, '200')
}

export async function until(isSo: () => Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('it did not come about in time')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export async function agentStories(t: TestContext, world: World): Promise<void> {
  await t.test('curl reaches exactly the apps that policy allows, by SOCKS and by HTTP proxy', () =>
    curlThroughTheAgent(world),
  )
  await t.test('a refusal names its reason at the proxy and in the journal', () => refusedWell(world))
  await t.test('git clones and pushes over HTTP and over ssh', () => gitOverHttpAndSsh(world))
  await t.test('scp and rsync copy a tree', () => copyTreesOverSsh(world))
  await t.test('psql works through a fixed port', () => psqlThroughAFixedPort(world))
  await t.test('bytes of a sealed flow arrive intact', () =>
    aGibibyteArrivesIntact(world, world.mode === 'processes' ? 1024 * 1024 * 1024 : 64 * 1024 * 1024),
  )
  await t.test('ending a session ends its flows of every kind', () => endingASessionEndsItsFlows(world))
}
