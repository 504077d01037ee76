// The whole product with every part as its own process and, as root, its own account; set up as an operator does it:
// the printed invitation, the console, tokens. Nothing here reaches into a part or its files.
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { apiClient } from '#cli/api-client.ts'
import { buildConsole } from '#cli/build-console.ts'
import type { Profile } from '#cli/profile.ts'
import { Person } from '#demo/person.ts'
import { folderOf, partAccount, type PartName } from './accounts.ts'
import { freePort } from './peers/ports.ts'
import { APPS_DOMAIN, DOMAIN, type Product } from './product.ts'
import type { SampleAppPorts } from './programs/sample-apps.ts'
import { type Child, runSallyport, runUntilLine } from './run-sallyport.ts'
import type { Credentials } from './world-form.ts'

const DAY_MS = 86_400_000

/** Where the parts run when they are not all on this host. */
export type Place = {
  /** Network namespaces of control with the exchange, and of connectors with the apps. */
  readonly edge: string
  readonly app: string
  readonly publicHost: string
  readonly port: number
  /** Makes `127.0.0.1:<port>` of this host lead to the exchange, for people and administrators. */
  readonly reach: () => Promise<AsyncDisposable>
}

export async function startApart(place?: Place): Promise<Product & { readonly ports: SampleAppPorts }> {
  buildConsole()
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-apart-'))
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o711)
  const processes = new Map<string, Child>()
  const dataOf = (part: PartName) => folderOf(folder, part, partAccount(part))
  const run = async (part: PartName, args: readonly string[], until: RegExp, env: Record<string, string> = {}) => {
    const netns = place && (part === 'control' || part === 'exchange' ? place.edge : place.app)
    const child = await runSallyport(args, until, { account: partAccount(part), env, netns })
    processes.set(part, child)
    opened.defer(() => child.stop())
    return child
  }

  const [port, privatePort] = [place?.port ?? (await freePort()), await freePort()]
  const control = await run(
    'control',
    [
      ['control', '--data', dataOf('control'), '--domain', DOMAIN, '--apps-domain', APPS_DOMAIN],
      ['--listen', `127.0.0.1:${privatePort}`, '--public-port', String(port), '--relay', '127.0.0.1'],
      ['--exchange-token', 'edge', '--learn-for', '0'],
    ].flat(),
    /^exchange token: /,
  )
  const webCaPem = readFileSync(join(folder, 'control', 'web-ca.pem'), 'utf8')
  const webCaFile = join(folder, 'web-ca.pem')
  writeFileSync(webCaFile, webCaPem)
  chmodSync(webCaFile, 0o644)
  await run(
    'exchange',
    [
      ['exchange', '--control', `https://api.${DOMAIN}:${privatePort}`, '--data', dataOf('exchange')],
      ['--listen', `${place ? '0.0.0.0' : '127.0.0.1'}:${port}`],
      ['--public', `${place?.publicHost ?? '127.0.0.1'}:${port}`],
    ].flat(),
    /^exchange: listening/,
    { SALLYPORT_TOKEN: control.line.slice('exchange token: '.length) },
  )
  if (place) opened.use(await place.reach())

  const accounts = new Map<string, Credentials>()
  const profiles = new Map<string, Profile>()
  const server = `https://api.${DOMAIN}:${port}`
  const password = 'a long enough pass phrase'
  const administer = async (tenant: string, user: string, invitation: string, role: string) => {
    const person = new Person(webCaPem)
    await accept(person, invitation, password)
    accounts.set(`${tenant}/${user}`, { user, password })
    const token = await tokenFromConsole(person, { tenant, user, password, role, port })
    profiles.set(tenant, { server, tenant, token, caPem: webCaPem })
  }
  const client = (tenant: string) => {
    const profile = profiles.get(tenant)
    if (!profile) throw new Error(`nobody administers ${tenant}`)
    return apiClient(profile)
  }
  const first = /^(https:\/\/\S+)$/m.exec(control.output())?.[1]
  if (first === undefined) throw new Error(`control printed no invitation:\n${control.output()}`)
  await administer('provider', 'admin', first, 'provider-admin')

  const ports = await sampleApps()
  for (const [tenant, displayName, user, wiki] of [
    ['acme', 'Acme', 'alice', ports.wiki],
    ['globex', 'Globex', 'gina', ports.globexWiki],
  ] as const) {
    const made = await client('provider').call('createTenant', {
      body: { name: tenant, displayName, administrator: { name: user } },
    })
    await administer(tenant, user, made.invitation.url, 'tenant-admin')
    await client(tenant).call('apply', { body: { documents: demoDocuments(tenant, { ...ports, wiki }) } })
    const { token } = await client(tenant).call('createEnrolmentToken', { body: { connectorGroup: 'office' } })
    const address = place ? ['--address', `${place.publicHost}:${port}`] : []
    await run(
      tenant,
      ['connector', '--control', server, ...address, '--data', dataOf(tenant), '--name', `${tenant}-office`],
      /^connector: running/,
      { SALLYPORT_TOKEN: token },
    )
  }

  async function sampleApps(): Promise<SampleAppPorts> {
    const source = fileURLToPath(new URL('./programs/sample-apps.ts', import.meta.url))
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', source, dataOf('apps')]
    const child = await runUntilLine(command, /^\{/, { account: partAccount('apps'), netns: place?.app })
    processes.set('apps', child)
    opened.defer(() => child.stop())
    return JSON.parse(child.line) as SampleAppPorts
  }

  const running = opened.move()
  return {
    folder,
    port,
    controlPort: privatePort,
    webCaFile,
    webCaPem,
    accounts,
    processes,
    ports,
    profileOf: (tenant) => client(tenant).profile,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export async function accept(person: Person, invitation: string, password: string): Promise<void> {
  const page = await person.submit(await person.open(invitation), { password, repeat: password })
  if (page.status >= 400) throw new Error(`the invitation was not accepted: ${page.status}\n${page.text}`)
}

/** Signs in at the console as a person does, and makes an API token there. */
async function tokenFromConsole(
  person: Person,
  { tenant, user, password, role, port }: Record<'tenant' | 'user' | 'password' | 'role', string> & { port: number },
): Promise<string> {
  const origin = `https://console.${DOMAIN}:${port}`
  const page = await person.open(`${origin}/auth/sign-in?tenant=${tenant}&path=/`)
  if (page.text.includes('name="password"')) await person.submit(page, { user, password })
  const reply = await person.fetch(`${origin}/api/v1/tenants/${tenant}/api-tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: origin, 'Sec-Fetch-Site': 'same-origin' },
    body: JSON.stringify({ name: 'end-to-end', role, expiresInSeconds: 86_400 }),
  })
  if (reply.status !== 201) throw new Error(`the console made no token for ${tenant}: ${reply.status} ${reply.text}`)
  return (JSON.parse(reply.text) as { token: string }).token
}

function demoDocuments(tenant: string, ports: SampleAppPorts): unknown[] {
  const text = readFileSync(fileURLToPath(new URL(`../demo/${tenant}.yaml`, import.meta.url)), 'utf8')
    .replaceAll('{{wikiPort}}', String(ports.wiki))
    .replaceAll('{{filesPort}}', String(ports.files))
    .replaceAll('{{echoPort}}', String(ports.echo))
    .replaceAll('{{yesterday}}', new Date(Date.now() - DAY_MS).toISOString())
    .replaceAll('{{in90Days}}', new Date(Date.now() + 90 * DAY_MS).toISOString())
  return parseAllDocuments(text).map((document) => document.toJS() as unknown)
}
