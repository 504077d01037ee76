// The executables of a release do what the source does: a connector and an agent in one file each carry a flow. Two builds
// of one source are the same bytes.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { buildExecutable } from '#packaging/build-executable.ts'
import { listen } from '#transport/testing.ts'
import { freePort } from './peers/ports.ts'
import { runUntilLine } from './run-sallyport.ts'
import { startWorld } from './world.ts'

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')

test('agent and connector in one file each', { timeout: 300_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-executables-'))
  const again = mkdtempSync(join(tmpdir(), 'sallyport-executables-'))
  t.after(() => [folder, again].map((each) => rmSync(each, { recursive: true, force: true })))
  const agent = await buildExecutable('agent', folder)
  const connector = await buildExecutable('connector', folder)

  await t.test('a second build in another folder gives the same bytes', async () => {
    assert.equal(digest((await buildExecutable('agent', again)).file), digest(agent.file))
  })

  await t.test('carry a flow to an app', async (inner) => {
    const app = createServer((socket) => socket.on('error', () => {}).pipe(socket))
    const appPort = await listen(app)
    inner.after(() => app.close())
    await using world = await startWorld('one-process')
    const spec = {
      kind: 'tcp',
      connectorGroup: 'packed',
      names: [{ host: 'packed.acme.test', ports: ['7'] }],
      upstream: { host: '127.0.0.1', port: appPort },
    }
    const text = 'permit (principal == User::"alice", action, resource == App::"packed-echo");'
    await world.api().call('apply', {
      body: {
        documents: [
          { kind: 'ConnectorGroup', name: 'packed', spec: {} },
          { kind: 'App', name: 'packed-echo', spec },
          { kind: 'Policy', name: 'packed-echo', spec: { text } },
        ],
      },
    })
    const { token } = await world.api().call('createEnrolmentToken', { body: { connectorGroup: 'packed' } })
    const control = `https://api.${world.domain}:${world.port}`
    const linked = await runUntilLine(
      [connector.file, 'connector', '--control', control, '--data', join(folder, 'state')],
      /^connector: running/,
      { env: { SALLYPORT_TOKEN: token } },
    )
    inner.after(() => linked.stop())
    while (!linked.output().includes('linked to the exchange')) await delay(50)
    // Signed in by the agent of the source; the profile is the same.
    const profile = join(folder, 'profile')
    {
      await using signedIn = await world.agent('alice')
      cpSync(signedIn.state, profile, { recursive: true })
    }
    const port = await freePort()
    const args = ['--state', profile, '--socks', 'none', '--http', 'none', '--json']
    const running = await runUntilLine(
      [agent.file, 'agent', 'up', ...args, '--forward', `${port}=packed.acme.test:7`],
      /^\{"doors"/,
    )
    inner.after(() => running.stop())
    // The slice may come a moment after the link, and the sockets after that.
    const untilMs = Date.now() + 20_000
    for (;;) {
      const answer = await exchanged(port, 'through one file each')
      if (answer === 'through one file each') return
      if (Date.now() > untilMs) throw new Error(`${answer}\n${running.output()}\n${linked.output()}`)
      await delay(100)
    }
  })
})

async function exchanged(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.write(text)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return String(answer)
  } catch (error) {
    return String(error)
  } finally {
    socket.destroy()
  }
}
