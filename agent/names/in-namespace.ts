// Runs inside a network and mount namespace of its own (see names.test.ts): names are set up, used, killed, repaired.
// Must never run outside one: it writes resolv.conf. Exits with 0 when every claim holds.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { decode, encode } from 'dns-packet'
import { startAgent } from '#agent/agent.ts'
import { askAgent } from '#agent/control-socket.ts'
import { makeTenant, stateFolder, TestExchange } from '#agent/testing.ts'
import { repair } from '#agent/verbs.ts'

const run = promisify(execFile)
const before = 'search acme.test\nnameserver 127.0.0.2\n'
const readConf = () => readFile('/etc/resolv.conf', 'utf8')

/** By the resolvers of resolv.conf in their order, as any program asks them. */
async function addressesOf(host: string, type = 'A'): Promise<readonly string[]> {
  const { stdout } = await run('dig', ['+short', '+tries=1', '+time=3', host, type], { timeout: 20_000 })
  return stdout.split('\n').filter((text) => /^[0-9a-f.:]+$/.test(text))
}

/** What comes back when `text` is sent to the port; empty: refused. */
async function echoed(host: string, port: number, text: string): Promise<string> {
  const socket = connect({ host, port, allowHalfOpen: true })
  socket.on('error', () => {})
  socket.end(text)
  let heard = ''
  socket.on('data', (chunk) => (heard += String(chunk)))
  await new Promise<void>((resolve) => socket.once('end', resolve).once('close', () => resolve()))
  socket.destroy()
  return heard
}

async function agentIn(folder: string): Promise<void> {
  const agent = await startAgent({ stateFolder: folder, socksPort: null, httpPort: null, names: {} }, { log: () => {} })
  await agent.ready()
  process.stdout.write('ready\n')
}

async function main(): Promise<void> {
  await using folder = await stateFolder()
  const conf = join(folder.path, 'resolv.conf')
  await writeFile(conf, before)
  await run('ip', ['link', 'set', 'lo', 'up'])
  await run('mount', ['--bind', conf, '/etc/resolv.conf'])
  const resolver = createSocket('udp4')
  resolver.on('message', (message, from) => {
    const { id, questions } = decode(message)
    const [question] = questions ?? []
    const answers = question?.type === 'A' ? [{ type: 'A' as const, name: question.name, data: '192.0.2.7' }] : []
    resolver.send(
      encode({ type: 'response', id: id ?? 0, questions: questions ?? [], answers }),
      from.port,
      from.address,
    )
  })
  resolver.bind(53, '127.0.0.2')
  await once(resolver, 'listening')
  const tenant = await makeTenant()
  await using exchange = await new TestExchange(tenant).start()
  const state = join(folder.path, 'agent')
  await tenant.profile(await tenant.certify(), [exchange.address]).save(state)
  const start = async () => {
    const child = spawn(process.execPath, [import.meta.filename, 'agent', state], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    return child
  }

  const child = await start()
  const [address = ''] = await addressesOf('echo.acme.test')
  assert.match(address, /^100\.83\.0\.\d+$/, 'an app name has an address of the pool')
  assert.equal(await echoed(address, 7000, 'hello'), 'hello', 'the address leads to the app')
  assert.equal(await echoed(address, 7011, 'hello'), '', 'the next port is closed')
  assert.equal(await echoed('100.83.0.200', 7000, 'hello'), '', 'the next address is closed')
  const [v6 = ''] = await addressesOf('echo.acme.test', 'AAAA')
  assert.match(v6, /^fd5a:b1c4:7e2d::/, 'and one of the IPv6 pool')
  assert.equal(await echoed(v6, 7000, 'hello'), 'hello', 'which leads to the app too')
  assert.deepEqual(await addressesOf('example.org'), ['192.0.2.7'], 'other names go to the resolver of before')

  exchange.web = { direct: ['sallyport.test'], dns: 'require' }
  exchange.answerName = (query) => {
    const { questions = [] } = decode(query)
    const [question] = questions
    const isBlocked = question?.name === 'blocked.example'
    const addresses = question?.name === 'many.example' ? 100 : 1
    const answers = Array.from({ length: isBlocked ? 0 : addresses }, (_, at) => ({
      type: 'A' as const,
      name: question?.name ?? '',
      data: `198.51.100.${at}`,
    }))
    return encode({ type: 'response', id: 0, flags: isBlocked ? 3 : 0, questions, answers })
  }
  await askAgent(state, 'refresh')
  assert.deepEqual(await addressesOf('www.example.org'), ['198.51.100.0'], 'other names are asked of the exchange')
  assert.deepEqual(await addressesOf('blocked.example'), [], 'its refusal is the last word')
  assert.equal((await addressesOf('many.example')).length, 100, 'a long answer comes by TCP')
  assert.deepEqual(await addressesOf('id.sallyport.test'), ['192.0.2.7'], 'but not those of the exchange itself')
  assert.deepEqual(await addressesOf('printer.local'), ['192.0.2.7'], 'nor those of this network')
  assert.match(await addressesOf('echo.acme.test').then(String), /^100\.83\.0\.\d+$/, 'apps stay where they were')
  exchange.answerName = () => 503
  const { stdout } = await run('dig', ['@127.53.83.1', '+tries=1', 'www.example.org'])
  assert.match(stdout, /status: SERVFAIL/, 'nobody else is asked where it is required')
  exchange.web = { direct: [], dns: 'prefer' }
  await askAgent(state, 'refresh')
  assert.deepEqual(await addressesOf('www.example.org'), ['192.0.2.7'], 'where it is preferred, the resolver of before')
  exchange.web = undefined
  await askAgent(state, 'refresh')

  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.deepEqual(await addressesOf('example.org'), ['192.0.2.7'], 'DNS survives kill -9, before any repair')
  assert.equal(await repair(state), true)
  assert.equal(await readConf(), before, 'repair puts back what was there')
  assert.ok(!(await run('ip', ['route', 'show', 'table', 'local'])).stdout.includes('100.83'))
  assert.ok(!(await run('ip', ['-6', 'addr', 'show', 'dev', 'lo'])).stdout.includes('fd5a'))
  assert.equal(await repair(state), false, 'once')

  const again = await start()
  again.kill('SIGKILL')
  await once(again, 'exit')
  const after = await start()
  assert.ok(
    !(await readConf()).includes('127.53.83.1\nnameserver 127.53.83.1'),
    'a killed agent is not its own resolver',
  )
  assert.deepEqual(await addressesOf('example.org'), ['192.0.2.7'], 'the next start heals by itself')
  after.kill('SIGKILL')
  await once(after, 'exit')
  await repair(state)

  await run('ip', ['route', 'add', '100.83.5.0/24', 'dev', 'lo'])
  await assert.rejects(
    startAgent({ stateFolder: state, socksPort: null, httpPort: null, names: {} }, { log: () => {} }),
    /overlaps the route 100\.83\.5\.0\/24/,
  )
  assert.equal(await readConf(), before, 'a refused pool changes nothing')
  resolver.close()
}

if (process.argv[2] === 'agent') await agentIn(process.argv[3] ?? '')
else await main()
