// For tests only: a whole control plane on a free port, tenants with something of everything, and real HTTPS calls.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Agent, request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newId } from '#core/ids.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import { newToken } from './api/handlers/administration.ts'
import { API_TOKEN_PREFIX, hashSecret } from './api/principal.ts'
import { parseControlConfig } from './config.ts'
import { makeTenant } from './directory/tenants.ts'
import { startControl, type Control, type ControlDeps } from './server.ts'
import type { RoleName } from './store/schema.ts'

export const domain = 'sallyport.localhost'
export const appsDomain = 'apps.localhost'

export type Answer = {
  readonly status: number
  // What a test looks at is checked by the test.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
  readonly text: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}
export type CallOptions = {
  readonly method?: string
  readonly token?: string
  readonly body?: unknown
  readonly host?: string
  readonly headers?: Readonly<Record<string, string>>
}

export async function startTestControl(
  deps: ControlDeps = {},
  folder = mkdtempSync(join(tmpdir(), 'sallyport-control-')),
  {
    keep = false,
    ...overrides
  }: {
    readonly keep?: boolean
    readonly store?: unknown
    readonly relays?: unknown
    readonly consoleFolder?: string
    readonly receivers?: unknown
  } = {},
) {
  const config = parseControlConfig({
    dataFolder: folder,
    domain,
    appsDomain,
    publicPort: 8443,
    listen: { host: '127.0.0.1', port: 0 },
    ...overrides,
  })
  const control = await startControl(config, deps)
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const close = async () => {
    agent.destroy()
    await control.close()
    if (!keep) await rm(folder, { recursive: true, force: true })
  }
  return {
    control,
    folder,
    context: control.context,
    call: (path: string, options: CallOptions = {}) => callControl(control, path, options, agent),
    close,
    [Symbol.asyncDispose]: close,
  }
}
export type TestControl = Awaited<ReturnType<typeof startTestControl>>

export function callControl(
  control: Control,
  path: string,
  options: CallOptions = {},
  agent: Agent | false = false,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const host = options.host ?? `api.${domain}`
  const text = options.body === undefined ? undefined : JSON.stringify(options.body)
  const request = httpsRequest(
    {
      host: '127.0.0.1',
      port: control.port,
      servername: host,
      ca: [...control.webCaPem],
      path,
      method: options.method ?? (text === undefined ? 'GET' : 'POST'),
      agent,
      headers: {
        host: `${host}:8443`,
        ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
        ...(text !== undefined && { 'content-type': 'application/json' }),
        ...options.headers,
      },
    },
    (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString()
        let body: unknown
        try {
          body = JSON.parse(answer)
        } catch {
          body = undefined
        }
        resolve({ status: response.statusCode ?? 0, body, text: answer, headers: response.headers })
      })
    },
  )
  request.on('error', reject)
  request.end(text)
  return promise
}

/** A tenant with its administrator, and an API token of theirs. */
export async function addTenantWithAdministrator(test: TestControl, name: string, administrator = 'root-user') {
  const { tenant, administratorId } = await makeTenant({ name, administrator: { name: administrator } }, test.context)
  return {
    id: tenant.id,
    name,
    administratorId,
    token: await tokenOf(test, tenant.id, administratorId, 'tenant-admin'),
  }
}

export async function providerToken(test: TestControl): Promise<string> {
  const { providerId } = test.context.config
  const row = await test.context.store
    .forTenant(providerId)
    .selectFrom('roles')
    .select('roles.userId')
    .executeTakeFirstOrThrow()
  return tokenOf(test, providerId, row.userId, 'provider-admin')
}

/** As the API would make it. */
export async function tokenOf(test: TestControl, tenantId: string, userId: string, role: RoleName): Promise<string> {
  const token = newToken(API_TOKEN_PREFIX)
  const hash = hashSecret(token)
  await test.context.store.forTenant(tenantId).transaction(async (tx) => {
    const nowMs = test.context.nowMs()
    await tx
      .insertInto('apiTokens', {
        id: newId('apiToken'),
        hash,
        name: 'test',
        role,
        createdBy: userId,
        createdAtMs: nowMs,
        expiresAtMs: nowMs + 3_600_000,
        lastUsedAtMs: null,
      })
      .execute()
    await tx.provider.insertInto('secretIndex', { hash, tenantId, kind: 'apiToken' }).execute()
  })
  return token
}

export const permitEveryone = 'permit (principal, action == Action::"request", resource);'

/** Documents with something of every kind. */
export function documentsOfEverything(suffix = ''): object[] {
  return [
    {
      kind: 'App',
      name: `wiki${suffix}`,
      spec: {
        kind: 'http',
        connectorGroup: `dc${suffix}`,
        groups: [`tools${suffix}`],
        upstream: { host: 'wiki.internal', port: 80 },
        owner: `ada${suffix}`,
      },
    },
    {
      kind: 'App',
      name: `db${suffix}`,
      spec: {
        kind: 'tcp',
        connectorGroup: `dc${suffix}`,
        upstream: { host: 'db.internal', port: 5432 },
        names: [{ host: 'db.acme.test', ports: ['5432'] }],
      },
    },
    { kind: 'AppGroup', name: `tools${suffix}`, spec: {} },
    { kind: 'ConnectorGroup', name: `dc${suffix}`, spec: {} },
    { kind: 'Group', name: `staff${suffix}`, spec: { parents: [`everyone${suffix}`] } },
    { kind: 'Group', name: `everyone${suffix}`, spec: {} },
    {
      kind: 'User',
      name: `ada${suffix}`,
      spec: {
        groups: [`staff${suffix}`],
        displayName: 'Ada',
        identities: [{ issuer: 'https://idp.test', subject: `ada${suffix}` }],
      },
    },
    { kind: 'User', name: `bob${suffix}`, spec: { organisation: `partner${suffix}` } },
    {
      kind: 'Organisation',
      name: `partner${suffix}`,
      spec: {
        sponsor: `ada${suffix}`,
        from: '2020-01-01T00:00:00Z',
        until: '2099-01-01T00:00:00Z',
        apps: [`wiki${suffix}`],
      },
    },
    { kind: 'Policy', name: `allow${suffix}`, spec: { text: permitEveryone } },
    {
      kind: 'IdentityProvider',
      name: `idp${suffix}`,
      spec: {
        issuer: 'https://idp.test',
        clientId: 'x',
        clientSecret: 'very-secret',
        groups: { theirs: `staff${suffix}` },
      },
    },
  ]
}

export async function newCsr(): Promise<{
  readonly privateKeyPem: string
  readonly csrPem: string
  readonly thumbprint: string
}> {
  return createKeyAndCsr({ commonName: 'test' })
}
