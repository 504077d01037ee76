// The demo: tenants Acme and Globex with sample apps and ready accounts, made through the public API as anyone would.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { parseAllDocuments } from 'yaml'
import { Person } from '#demo/person.ts'
import type { AllInOne } from './all-in-one.ts'
import { type ApiClient, apiClient } from './api-client.ts'
import type { DemoMethods, DemoPorts, DemoWorkerData } from './demo-worker.ts'
import { writeProfile } from './profile.ts'
import { callWorker, type WorkerCaller } from './worker-call.ts'
import { ADMINISTRATOR } from './all-in-one.ts'

const DAY_MS = 86_400_000
const TOKEN_SECONDS = 365 * 86_400

type Account = { readonly tenant: string; readonly user: string; readonly about: string; readonly password: string }
type Kept = { readonly accounts: readonly Account[]; readonly ports: DemoPorts }

export type Demo = {
  readonly accounts: readonly Account[]
  /** Profiles for the CLI, by tenant. */
  readonly profiles: Readonly<Record<string, string>>
  close(): Promise<void>
}

const people = [
  { tenant: 'acme', user: 'alice', about: 'engineer and administrator of Acme: reaches every app' },
  { tenant: 'acme', user: 'bob', about: 'staff: reaches the wiki, is refused elsewhere' },
  { tenant: 'acme', user: 'carol', about: 'contractor: reads the wiki, cannot change it' },
  { tenant: 'globex', user: 'gina', about: 'administrator of Globex, behind the wall' },
  { tenant: 'provider', user: ADMINISTRATOR, about: 'the provider: sees tenants, nothing inside them' },
] as const

export async function startDemo(main: AllInOne, dataFolder: string, domain: string): Promise<Demo> {
  const keptFile = join(dataFolder, 'demo.json')
  const kept = existsSync(keptFile) ? (JSON.parse(readFileSync(keptFile, 'utf8')) as Kept) : null
  const ports = kept?.ports ?? { wiki: 0, files: 0, echo: 0, globexWiki: 0 }
  const workerData: DemoWorkerData = { folder: join(dataFolder, 'demo'), ports }
  const worker = callWorker<DemoMethods>(new Worker(new URL('demo-worker.ts', import.meta.url), { workerData }), 'demo')
  const now = await worker.call('ports')
  const profiles = Object.fromEntries(
    ['acme', 'globex', 'provider'].map((tenant) => [tenant, join(dataFolder, `${tenant}.json`)]),
  )
  const isNew = kept === null
  if (isNew) await seed(main, domain, profiles)
  if (isNew || JSON.stringify(now) !== JSON.stringify(ports)) await applyApps(main, profiles, now)
  await Promise.all(
    ['acme', 'globex'].map(async (tenant) => {
      if (!(await worker.call('isEnrolled', tenant))) await enrol(main, worker, tenant, profiles)
      await worker.call('connect', tenant)
    }),
  )
  const accounts = kept?.accounts ?? (await makeAccounts(main, profiles))
  writeFileSync(keptFile, JSON.stringify({ accounts, ports: now } satisfies Kept, null, 1), { mode: 0o600 })
  return { accounts, profiles, close: () => worker.close() }
}

/** A client for the API as an administrator of the tenant, with the profile that the CLI can use too. */
function clientOf(main: AllInOne, profile: string): ApiClient {
  const { server: _, ...rest } = JSON.parse(readFileSync(profile, 'utf8')) as {
    server: string
    tenant: string
    token: string
  }
  return apiClient({ ...rest, server: `https://${main.api.serverName}:${main.port}`, caPem: main.webCaPem })
}

async function seed(main: AllInOne, domain: string, profiles: Readonly<Record<string, string>>): Promise<void> {
  const server = `https://api.${domain}:${main.port}`
  const keep = async (tenant: string, user: string, role: 'tenant-admin' | 'provider-admin') => {
    const { token } = await main.control.call('apiToken', tenant, user, role, TOKEN_SECONDS)
    writeProfile(profiles[tenant] ?? '', { server, tenant, token, caPem: main.webCaPem })
  }
  await keep('provider', ADMINISTRATOR, 'provider-admin')
  const provider = clientOf(main, profiles['provider'] ?? '')
  await provider.call('createTenant', {
    body: { name: 'acme', displayName: 'Acme', administrator: { name: 'alice', displayName: 'Alice Archer' } },
  })
  await provider.call('createTenant', {
    body: { name: 'globex', displayName: 'Globex', administrator: { name: 'gina', displayName: 'Gina Grey' } },
  })
  await keep('acme', 'alice', 'tenant-admin')
  await keep('globex', 'gina', 'tenant-admin')
}

async function applyApps(main: AllInOne, profiles: Readonly<Record<string, string>>, ports: DemoPorts): Promise<void> {
  for (const [tenant, wikiPort] of [
    ['acme', ports.wiki],
    ['globex', ports.globexWiki],
  ] as const) {
    const text = readFileSync(fileURLToPath(new URL(`../demo/${tenant}.yaml`, import.meta.url)), 'utf8')
      .replaceAll('{{wikiPort}}', String(wikiPort))
      .replaceAll('{{filesPort}}', String(ports.files))
      .replaceAll('{{echoPort}}', String(ports.echo))
      .replaceAll('{{yesterday}}', new Date(Date.now() - DAY_MS).toISOString())
      .replaceAll('{{in90Days}}', new Date(Date.now() + 90 * DAY_MS).toISOString())
    const documents = parseAllDocuments(text).map((document) => document.toJS() as unknown)
    await clientOf(main, profiles[tenant] ?? '').call('apply', { body: { documents, allowWidening: true } })
  }
}

async function enrol(
  main: AllInOne,
  worker: WorkerCaller<DemoMethods>,
  tenant: string,
  profiles: Readonly<Record<string, string>>,
): Promise<void> {
  const { token } = await clientOf(main, profiles[tenant] ?? '').call('createEnrolmentToken', {
    body: { connectorGroup: 'office' },
  })
  await worker.call('enrol', tenant, token, main.api)
}

async function makeAccounts(main: AllInOne, profiles: Readonly<Record<string, string>>): Promise<readonly Account[]> {
  const accounts: Account[] = []
  for (const each of people) {
    const password = `demo-${randomBytes(9).toString('base64url').replaceAll(/[-_]/g, 'x')}`
    const { url } = await clientOf(main, profiles[each.tenant] ?? '').call('inviteUser', {
      params: { name: each.user },
      body: {},
    })
    const person = new Person(main.webCaPem)
    const page = await person.submit(await person.open(url), { password, repeat: password })
    if (page.status >= 400) throw new Error(`${each.user} could not be set up: ${page.status}`)
    accounts.push({ ...each, password })
  }
  return accounts
}
