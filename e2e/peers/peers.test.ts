// The peers themselves work, so that a failing end-to-end test speaks about the product.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startBrowser } from './browser.ts'
import { startGitHttp } from './git-http.ts'
import { makeNetwork, namespacesAbsent } from './namespaces.ts'
import { startPostgres } from './postgres.ts'
import { startSsh } from './ssh.ts'

const run = promisify(execFile)
const absent = (file: string) => (existsSync(file) ? false : `${file} is not installed`)

test('psql reaches the PostgreSQL peer', { skip: absent('/usr/bin/psql') }, async () => {
  await using peer = await startPostgres()
  const { stdout } = await run(
    'psql',
    ['-h', '127.0.0.1', '-p', String(peer.port), '-U', 'tester', '-d', 'postgres', '-Atc', 'select 6*7'],
    {
      env: { ...process.env, PGPASSWORD: peer.password },
    },
  )
  assert.equal(stdout, '42\n')
})

test('ssh reaches the OpenSSH peer', { skip: absent('/usr/sbin/sshd') }, async () => {
  await using peer = await startSsh('ssh.test')
  const { stdout } = await run('ssh', [
    ...peer.options,
    '-p',
    String(peer.port),
    `${peer.user}@127.0.0.1`,
    'echo',
    'hello',
  ])
  assert.equal(stdout, 'hello\n')
})

test('git clones from the Git peer', async () => {
  await using peer = await startGitHttp()
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-e2e-clone-'))
  await run('git', ['clone', '-q', `http://127.0.0.1:${peer.port}/project.git`, join(folder, 'clone')])
  rmSync(folder, { recursive: true })
})

test('Chromium starts with its own trust store', { skip: absent('/usr/bin/chromium') }, async () => {
  await using peer = await startBrowser({ trust: [] })
  const page = await peer.context.newPage()
  await page.goto('data:text/html,<title>hello</title>')
  assert.equal(await page.title(), 'hello')
})

test(
  'in the test network nobody can open a connection to the app host, not even the edge',
  { skip: namespacesAbsent() },
  async () => {
    await using network = makeNetwork()
    const server = network.spawn(
      'app',
      process.execPath,
      ['-e', "require('net').createServer(s=>s.end('x')).listen(8080,'0.0.0.0',()=>console.log('up'))"],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await new Promise((resolve) => server.stdout?.once('data', resolve))
    const probe = (host: 'user' | 'edge' | 'app', address: string) =>
      network
        .run(host, process.execPath, [
          '-e',
          `const s=require('net').connect(8080,'${address}');s.setTimeout(1500,()=>{console.log('silence');process.exit()});s.on('error',e=>{console.log(e.code);process.exit()});s.on('data',()=>{console.log('open');process.exit()})`,
        ])
        .trim()
    assert.equal(probe('app', '127.0.0.1'), 'open')
    assert.equal(probe('edge', network.appAddress), 'silence')
    assert.equal(probe('user', network.appAddress), 'ENETUNREACH')
    server.kill()
  },
)
