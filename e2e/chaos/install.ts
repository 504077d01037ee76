// Sets the product up for the run, as an operator would on the first day: tenant, apps, people, one of each part. After
// this nobody touches it by hand again.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { type ApiClient, apiClient } from '#cli/api-client.ts'
import { Person } from '#demo/person.ts'
import { freePort } from '#e2e/peers/ports.ts'
import type { Apps } from './apps.ts'
import { Part, sallyport, type PartName } from './part.ts'

export const domain = 'sallyport.localhost'
export const appsDomain = 'apps.localhost'
export const password = 'a long enough pass phrase'
export const people = Array.from({ length: 12 }, (_, at) => `person-${at}`)
const START_DEADLINE_MS = 60_000

export type SeedInput = {
  readonly dataFolder: string
  readonly domain: string
  readonly appsDomain: string
  readonly publicPort: number
  readonly port: number
}
export type Seed = {
  readonly caPem: string
  readonly tenantId: string
  readonly acmeToken: string
  readonly exchangeToken: string
}

export type Installation = {
  readonly folder: string
  readonly seed: Seed
  readonly parts: Readonly<Record<PartName, Part>>
  readonly ports: { readonly public: number; readonly control: number; readonly http: number; readonly socks: number }
  /** Clients of a tenant administrator: by the public port, and at control itself. */
  readonly api: { readonly public: ApiClient; readonly direct: ApiClient }
  readonly controlJournal: string
  readonly exchangeState: string
}

export async function install(folder: string, apps: Apps): Promise<Installation> {
  const ports = {
    public: await freePort(),
    control: await freePort(),
    http: await freePort(),
    socks: await freePort(),
  }
  const at = (name: string) => join(folder, name)
  const seedInput: SeedInput = {
    dataFolder: at('control'),
    domain,
    appsDomain,
    publicPort: ports.public,
    port: ports.control,
  }
  const program = fileURLToPath(new URL('../programs/make-installation.ts', import.meta.url))
  const made = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, JSON.stringify(seedInput)],
    { timeout: START_DEADLINE_MS },
  )
  const seed = JSON.parse(made.stdout) as Seed
  const profile = { tenant: 'acme', token: seed.acmeToken, caPem: seed.caPem }
  const api = {
    public: apiClient({ ...profile, server: `https://api.${domain}:${ports.public}` }),
    direct: apiClient({ ...profile, server: `https://api.${domain}:${ports.control}` }),
  }
  const controlUrl = `https://api.${domain}:${ports.control}`
  const control = new Part('control', ['control'], {
    data: at('control'),
    domain,
    'apps-domain': appsDomain,
    listen: `127.0.0.1:${ports.control}`,
    'public-port': String(ports.public),
    relay: '127.0.0.1',
  })
  const publicAddress = `127.0.0.1:${ports.public}`
  const exchange = new Part('exchange', ['exchange'], {
    control: controlUrl,
    token: seed.exchangeToken,
    listen: publicAddress,
    public: publicAddress,
    data: at('exchange'),
  })
  const agent = new Part('agent', ['agent', 'up', '--json'], {
    state: at('agent'),
    socks: String(ports.socks),
    http: String(ports.http),
  })
  const begun: Part[] = []
  try {
    const isThere = (client: ApiClient) => async () => void (await client.call('listSessions', { query: {} }))
    begin(control)
    await until(isThere(api.direct), control)
    begin(exchange)
    await until(isThere(api.public), control, exchange)
    await api.direct.call('apply', { body: { documents: documents(apps) } })
    const { token } = await api.direct.call('createEnrolmentToken', { body: { connectorGroup: 'office' } })
    const connector = new Part('connector', ['connector'], {
      control: `https://api.${domain}:${ports.public}`,
      token,
      data: at('connector'),
    })
    begin(connector)
    for (const name of [...people, 'alice']) await setUp(name)
    writeFileSync(at('web-ca.pem'), seed.caPem)
    await signInAgent()
    begin(agent)
    return {
      folder,
      seed,
      parts: { control, exchange, connector, agent },
      ports,
      api,
      controlJournal: join(at('control'), 'journal'),
      exchangeState: join(at('exchange'), 'state'),
    }
  } catch (error) {
    for (const part of begun) await part.stop()
    throw new Error(`not installed:\n${begun.map((part) => part.output).join('\n')}`, { cause: error })
  }

  function begin(part: Part): void {
    begun.push(part)
    part.start()
  }

  async function setUp(name: string): Promise<void> {
    const { url } = await api.direct.call('inviteUser', { params: { name }, body: {} })
    const person = new Person(seed.caPem)
    const page = await person.submit(await person.open(url), { password, repeat: password })
    if (page.status >= 400) throw new Error(`${name} could not be set up: ${page.status}`)
  }

  async function signInAgent(): Promise<void> {
    const options = {
      server: `https://acme.${domain}:${ports.public}`,
      ca: at('web-ca.pem'),
      state: at('agent'),
      name: 'laptop',
    }
    const child = spawn(process.execPath, [...sallyport(['agent', 'login', '--json'], options)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: START_DEADLINE_MS,
    })
    const ended = once(child, 'exit')
    for await (const line of createInterface({ input: child.stderr })) {
      if (!line.startsWith('{')) continue
      const person = new Person(seed.caPem)
      const page = await person.open((JSON.parse(line) as { url: string }).url)
      const next = await person.submit(page, { user: 'alice', password })
      if (next.text.includes('/connect"')) await person.submit(next, {}, /\/connect$/)
    }
    const [code] = (await ended) as [number | null]
    if (code !== 0) throw new Error(`the agent could not sign in: ${code ?? 'no exit code'}`)
  }
}

function documents(apps: Apps): object[] {
  return [
    { kind: 'Group', name: 'staff', spec: {} },
    { kind: 'User', name: 'alice', spec: { displayName: 'Alice Archer', groups: ['staff'] } },
    ...people.map((name) => ({ kind: 'User', name, spec: { groups: ['staff'] } })),
    { kind: 'ConnectorGroup', name: 'office', spec: {} },
    {
      kind: 'App',
      name: 'shop',
      spec: {
        kind: 'http',
        connectorGroup: 'office',
        names: [{ host: 'shop.acme.test', ports: ['80'] }],
        upstream: { host: '127.0.0.1', port: apps.webPort },
      },
    },
    {
      kind: 'App',
      name: 'echo',
      spec: {
        kind: 'tcp',
        connectorGroup: 'office',
        // A name for each flow, so that its decision can be found again.
        names: [{ host: '*.echo.acme.test', ports: ['7'] }],
        upstream: { host: '127.0.0.1', port: apps.echoPort },
      },
    },
    {
      kind: 'Policy',
      name: 'staff-reach-everything',
      spec: { text: 'permit (principal in Group::"staff", action, resource);' },
    },
  ]
}

async function until(attempt: () => Promise<void>, ...parts: readonly Part[]): Promise<void> {
  const end = Date.now() + START_DEADLINE_MS
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > end || parts.some(({ falls }) => falls > 0)) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
