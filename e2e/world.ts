// Starts the whole product for a test: `await using world = await startWorld('one-process')`. Everything is run by the
// program `sallyport` as a user would run it; nothing here reaches into a part.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type ApiClient, apiClient } from '#cli/api-client.ts'
import { readProfile } from '#cli/profile.ts'
import { Person } from '#demo/person.ts'
import { freePort } from './peers/ports.ts'
import type { AgentHandle, Credentials, World, WorldMode } from './world-form.ts'

const START_DEADLINE_MS = 90_000
const STOP_DEADLINE_MS = 20_000
const domain = 'sallyport.localhost'
const appsDomain = 'apps.localhost'

export type Child = { readonly process: ChildProcess; readonly output: () => string; stop(): Promise<void> }

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
  readonly gid?: number
  readonly netns?: string
}

/** Runs `sallyport …`; resolves once a line on standard output matches. */
export async function runSallyport(
  args: readonly string[],
  until: RegExp,
  options: RunOptions = {},
): Promise<Child & { readonly line: string }> {
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', 'cli/main.ts', ...args]
  const [program = '', ...rest] =
    options.netns === undefined ? command : ['ip', 'netns', 'exec', options.netns, ...command]
  const child = spawn(program, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SALLYPORT_LOG: 'json', ...options.env },
    ...(options.uid !== undefined && { uid: options.uid, gid: options.gid ?? options.uid }),
  })
  let output = ''
  const keep = (line: string) => (output = (output + line + '\n').slice(-200_000))
  const found = Promise.withResolvers<string>()
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    keep(line)
    if (until.test(line)) found.resolve(line)
  })
  createInterface({ input: child.stderr }).on('line', keep)
  child.once('exit', (code, signal) =>
    found.reject(new Error(`sallyport ${args[0] ?? ''} ended with ${code ?? signal}:\n${output}`)),
  )
  const timer = setTimeout(
    () => found.reject(new Error(`sallyport ${args.join(' ')} did not say ${until.source} in time:\n${output}`)),
    START_DEADLINE_MS,
  )
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS)
    await ended
    clearTimeout(kill)
  }
  try {
    return { process: child, line: await found.promise, output: () => output, stop }
  } catch (error) {
    await stop()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

export async function startWorld(mode: WorldMode): Promise<World & { readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-world-'))
  const port = await freePort()
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const main = await runSallyport(['start', '--demo', '--data', folder, '--port', String(port)], /Stop with Ctrl-C/)
  opened.defer(() => main.stop())
  const webCaFile = join(folder, 'web-ca.pem')
  const webCaPem = readFileSync(webCaFile, 'utf8')
  const client = (tenant: string): ApiClient => apiClient(readProfile(join(folder, `${tenant}.json`), undefined))
  const accounts = (
    JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')) as {
      accounts: { tenant: string; user: string; password: string }[]
    }
  ).accounts
  const credentials = new Map<string, Credentials>(accounts.map((each) => [`${each.tenant}/${each.user}`, each]))

  async function credentialsOf(user: string, tenant = 'acme'): Promise<Credentials> {
    const known = credentials.get(`${tenant}/${user}`)
    if (known) return known
    const { url } = await client(tenant).call('inviteUser', { params: { name: user }, body: {} })
    const password = 'a long enough pass phrase'
    const person = new Person(webCaPem)
    await person.submit(await person.open(url), { password, repeat: password })
    const made = { user, password }
    credentials.set(`${tenant}/${user}`, made)
    return made
  }

  async function signInAgent(user: string, tenant: string, state: string): Promise<void> {
    const { password } = await credentialsOf(user, tenant)
    const args = [
      'agent',
      'login',
      '--server',
      `https://${tenant}.${domain}:${port}`,
      '--ca',
      webCaFile,
      '--state',
      state,
      '--name',
      `${user}-laptop`,
      '--json',
    ]
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'cli/main.ts', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        said += `${line}\n`
        if (line.startsWith('{')) resolve((JSON.parse(line) as { url: string }).url)
      })
      child.once('exit', (code) => reject(new Error(`agent login ended with ${code ?? ''}: ${said}`)))
    })
    const person = new Person(webCaPem)
    const page = await person.submit(await person.open(url), { user, password })
    // The page asks whether this really is the person's own doing.
    if (page.text.includes('/connect"')) await person.submit(page, {}, /\/connect$/)
    if (child.exitCode === null) await once(child, 'exit')
    if (child.exitCode !== 0) throw new Error(`agent login failed: ${said}`)
  }

  const world: World & { readonly folder: string } = {
    mode,
    folder,
    domain,
    appsDomain,
    port,
    webCaPem,
    webCaFile,
    api: (tenant = 'acme') => client(tenant),
    provider: client('provider'),
    credentialsOf,
    async agent(user, { tenant = 'acme', forwards = [] } = {}): Promise<AgentHandle> {
      const state = mkdtempSync(join(tmpdir(), 'sallyport-agent-'))
      await signInAgent(user, tenant, state)
      const args = ['agent', 'up', '--state', state, '--socks', '0', '--http', '0', '--json']
      const fixed = await Promise.all(forwards.map(async (target) => ['--forward', `${await freePort()}=${target}`]))
      const running = await runSallyport([...args, ...fixed.flat()], /^\{"doors"/)
      const { doors } = JSON.parse(running.line) as { doors: { kind: string; address: string; leadsTo?: string }[] }
      const portOf = (kind: string) =>
        Number(
          doors
            .find((door) => door.kind === kind)
            ?.address.split(':')
            .at(-1),
        )
      return {
        socksPort: portOf('socks5'),
        httpPort: portOf('http'),
        pacUrl: `http://127.0.0.1:${portOf('http')}/proxy.pac`,
        forwards: new Map(
          doors
            .filter((door) => door.leadsTo !== undefined)
            .map((door) => [door.leadsTo ?? '', Number(door.address.split(':').at(-1))]),
        ),
        async [Symbol.asyncDispose]() {
          await running.stop()
          await rm(state, { recursive: true, force: true })
        },
      }
    },
    async connector(group, tenant = 'acme') {
      const state = mkdtempSync(join(tmpdir(), 'sallyport-connector-'))
      const { token } = await client(tenant).call('createEnrolmentToken', { body: { connectorGroup: group } })
      const running = await runSallyport(
        ['connector', '--control', `https://api.${domain}:${port}`, '--token', token, '--data', state],
        /^connector: running/,
      )
      return {
        async [Symbol.asyncDispose]() {
          await running.stop()
          await rm(state, { recursive: true, force: true })
        },
      }
    },
    url: (host, path = '/') => `https://${host}:${port}${path}`,
    async [Symbol.asyncDispose]() {
      await kept.disposeAsync()
    },
  }
  const kept = opened.move()
  return world
}
