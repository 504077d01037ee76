// For tests only: two tenants with everything in them, and every way in which one could ask for what is the other's.
// Enumerates the routes itself, so that a new route is covered on the day it is added.
import { setTimeout as delay } from 'node:timers/promises'
import { newId } from '#core/ids.ts'
import type { Route } from '#core/api/route.ts'
import { routes, type RouteName } from '#core/api/routes.ts'
import { resourceKinds } from '#core/resources/kinds.ts'
import { insertDrill, smallScenario } from '#control/drill/testing.ts'
import { insertStory } from '#control/stories/testing.ts'
import { createSessions } from '#control/directory/sessions.ts'
import { tenantTables, type TenantTable } from '#control/store/schema.ts'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  newCsr,
  providerToken,
  type TestControl,
} from '#control/testing.ts'

export type Furnished = Awaited<ReturnType<typeof furnish>>

/** A tenant with a row in every table that the core owns. Every name in it ends with `suffix`. */
export async function furnish(test: TestControl, name: string, suffix: string) {
  const tenant = await addTenantWithAdministrator(test, name, `boss${suffix}`)
  const T = `/v1/tenants/${name}`
  const call = async (path: string, body?: unknown, method?: string) => {
    const answer = await test.call(`${T}${path}`, {
      token: tenant.token,
      body,
      ...(method !== undefined && { method }),
    })
    if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`)
    return answer.body
  }
  await call('/apply', { documents: documentsOfEverything(suffix) })
  const given = await test.call(`${T}/own-hosts`, {
    token: await providerToken(test),
    method: 'PUT',
    body: { hosts: [`wiki${suffix}.test`] },
  })
  if (given.status >= 300) throw new Error(given.text)
  const token = await call('/enrolment-tokens', { connectorGroup: `dc${suffix}` })
  const connector = await test.call('/v1/enrol', {
    body: { token: token.token, csrPem: (await newCsr()).csrPem, name: `connector${suffix}` },
  })
  await call('/enrolment-tokens', { connectorGroup: `dc${suffix}` })
  const apiToken = await call('/api-tokens', { name: `ci${suffix}`, role: 'auditor', expiresInSeconds: 3600 })
  await call(`/administrators/ada${suffix}`, { role: 'auditor' }, 'PUT')
  const { context } = test
  const handle = context.store.forTenant(tenant.id)
  const mirror = await context.mirrors.current(tenant.id)
  const ada = mirror.byName('user', `ada${suffix}`)?.id ?? ''
  const bob = mirror.byName('user', `bob${suffix}`)?.id ?? ''
  const wiki = mirror.byName('app', `wiki${suffix}`)?.id ?? ''
  const deviceId = newId('device')
  await handle
    .insertInto('devices', {
      id: deviceId,
      name: `laptop${suffix}`,
      userId: ada,
      keyThumbprint: `thumb${suffix}`,
      posture: 1,
      os: 'linux',
      status: 'active',
      certificateUntilMs: null,
      createdAtMs: 1,
    })
    .execute()
  const session = await createSessions(context).create({
    tenantId: tenant.id,
    userId: ada,
    deviceId,
    door: 'agent',
    factors: ['pwd'],
    ip: '192.0.2.7',
  })
  const nowMs = context.nowMs()
  const requestId = newId('accessRequest')
  await handle
    .insertInto('accessRequests', {
      id: requestId,
      userId: bob,
      appId: wiki,
      reason: `please${suffix}`,
      status: 'open',
      createdAtMs: nowMs,
      decidedBy: null,
      decidedAtMs: null,
      accessUntilMs: null,
    })
    .execute()
  const approvalId = newId('approval')
  await handle
    .insertInto('approvals', {
      id: approvalId,
      userId: bob,
      appId: wiki,
      approvedBy: ada,
      requestId: null,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + 3_600_000,
    })
    .execute()
  const containment = await call('/containments', {
    subject: { kind: 'app', name: `db${suffix}` },
    reason: `drill${suffix}`,
    expiresInSeconds: 3600,
  })
  const storyId = await insertStory(tenant.id, ada, `seen${suffix}`, context)
  const incident = await call('/incidents', { story: storyId, comment: `looked${suffix}` })
  await call('/apply', {
    documents: [
      { kind: 'Playbook', name: `book${suffix}`, spec: { title: 'x', steps: [{ id: 'a', wait: '1h' }] } },
      {
        kind: 'EventStream',
        name: `siem${suffix}`,
        spec: { enabled: false, target: { kind: 'file', name: `audit${suffix}` } },
      },
    ],
  })
  const run = await call(`/incidents/${incident.id}/playbooks`, { playbook: `book${suffix}` })
  // Runs go on by themselves: this one is looked at when it has come to its wait.
  const isWaiting = async () => {
    const row = handle.selectFrom('playbookRuns').select('playbookRuns.state').where('playbookRuns.id', '=', run.id)
    return (await row.executeTakeFirst())?.state === 'waiting'
  }
  for (let look = 0; look < 200 && !(await isWaiting()); look++) await delay(50)
  const drillId = await insertDrill(tenant.id, tenant.administratorId, context)
  const secrets = await handle.selectFrom('enrolmentTokens').select('enrolmentTokens.id').execute()
  return {
    ...tenant,
    suffix,
    call,
    names: [
      `wiki${suffix}`,
      `db${suffix}`,
      `ada${suffix}`,
      `bob${suffix}`,
      `boss${suffix}`,
      `staff${suffix}`,
      `partner${suffix}`,
      `dc${suffix}`,
      `tools${suffix}`,
      `allow${suffix}`,
      `idp${suffix}`,
      `book${suffix}`,
      `siem${suffix}`,
    ],
    ids: [
      deviceId,
      session.id,
      requestId,
      approvalId,
      connector.body.id as string,
      apiToken.id as string,
      containment.containment.id as string,
      drillId,
      storyId,
      incident.id as string,
      run.id as string,
      ...secrets.map(({ id }) => id),
      ada,
      wiki,
    ],
  }
}

/** Every row of a tenant, as text: what must not change, whatever another tenant does. */
export async function everythingOf(test: TestControl, tenantId: string): Promise<string> {
  const handle = test.context.store.forTenant(tenantId)
  const tables: Record<string, unknown> = {}
  for (const table of tenantTables) {
    const rows = await handle
      .selectFrom(table as TenantTable)
      .selectAll()
      .execute()
    tables[table] = rows.map((row) => JSON.stringify({ ...row, lastUsedAtMs: undefined })).toSorted()
  }
  return JSON.stringify(tables)
}

export type Attempt = {
  readonly route: RouteName
  readonly method: string
  readonly path: string
  readonly body: unknown
  /** The same with a name or id that exists nowhere: the answers must be alike. */
  readonly likewise: { readonly path: string; readonly body: unknown }
}

const plurals = Object.values(resourceKinds).map(({ plural }) => plural)

/** Every route with the other tenant's names and ids in each place of the path, the query and the body. */
export function attempts(own: Furnished, other: Furnished): Attempt[] {
  const found: Attempt[] = []
  for (const name of Object.keys(routes) as RouteName[]) {
    const route: Route = routes[name]
    if (route.access === 'public' || route.stream) continue
    const foreign = [...other.names, ...other.ids]
    for (const tenantName of [other.name, own.name]) {
      // Under the other's own name no key matters: the path is refused before anything is looked up.
      const keys = tenantName === other.name ? [...other.names.slice(0, 1), ...other.ids.slice(0, 1)] : foreign
      for (const [index, key] of keys.entries()) {
        const unknown = nowhereLike(key, index)
        for (const [place, body] of bodies(name, own, key).entries()) {
          const nowhere = bodies(name, own, unknown)[place]
          for (const path of paths(route.path, tenantName, key)) {
            found.push({
              route: name,
              method: route.method,
              path: path + queryOf(route, key),
              body,
              likewise: {
                path: pathLike(path, tenantName, own, key, unknown) + queryOf(route, unknown),
                body: nowhere,
              },
            })
          }
        }
        // The path does not say which: one foreign key is as good as another.
        if (
          !route.path.includes(':name') &&
          !route.path.includes(':id') &&
          !route.path.includes(':user') &&
          !route.body &&
          !route.query
        )
          break
      }
    }
  }
  return found
}

/** A name or id of the same form that is nowhere. */
function nowhereLike(key: string, index: number): string {
  const prefix = /^([a-z]{3})_[a-z2-7]{20}$/.exec(key)?.[1]
  return prefix === undefined ? `nothing-${index}` : `${prefix}_${'a'.repeat(20)}`
}

function paths(path: string, tenantName: string, key: string): string[] {
  const filled = path.replace(':tenant', tenantName).replace(/:(name|id|user)/g, encodeURIComponent(key))
  return filled.includes(':plural') ? plurals.map((plural) => filled.replace(':plural', plural)) : [filled]
}

function pathLike(path: string, tenantName: string, own: Furnished, key: string, unknown: string): string {
  const other = tenantName === own.name ? path : path.replace(`/tenants/${tenantName}`, '/tenants/no-such-tenant')
  return other.replaceAll(encodeURIComponent(key), unknown)
}

function queryOf(route: Route, key: string): string {
  return route.query &&
    route.method === 'GET' &&
    route.path.includes(':tenant') &&
    !route.path.endsWith('/flows') &&
    !route.path.endsWith('/stream')
    ? `?search=${encodeURIComponent(key)}&limit=1000`
    : ''
}

/** Bodies that mention `key` wherever a body can name a thing. */
function bodies(name: RouteName, own: Furnished, key: string): unknown[] {
  const specs: Partial<Record<RouteName, unknown[]>> = {
    putResource: [
      { spec: { displayName: 'x', groups: [key] } },
      { spec: { sponsor: key, from: '2020-01-01T00:00:00Z', until: '2030-01-01T00:00:00Z', apps: [key] } },
    ],
    apply: [
      { documents: [{ kind: 'User', name: 'intruder', spec: { groups: [key] } }] },
      { documents: [{ kind: 'User', name: 'intruder', spec: { organisation: key } }] },
      {
        documents: [
          { kind: 'App', name: 'trap', spec: { kind: 'http', connectorGroup: key, upstream: { host: 'x' } } },
        ],
      },
      {
        documents: [
          {
            kind: 'App',
            name: 'trap',
            spec: { kind: 'http', connectorGroup: `dc${own.suffix}`, owner: key, upstream: { host: 'x' } },
          },
        ],
      },
      {
        documents: [
          {
            kind: 'Organisation',
            name: 'trap',
            spec: { sponsor: key, from: '2020-01-01T00:00:00Z', until: '2030-01-01T00:00:00Z', apps: [key] },
          },
        ],
      },
    ],
    changeSettings: [{ explain: 'full' }],
    requestAccess: [{ app: key, reason: 'x' }],
    decideAccessRequest: [{ decision: 'refuse' }],
    inviteUser: [{}],
    changeDevice: [{ posture: 2 }],
    createEnrolmentToken: [{ connectorGroup: key }],
    putAdministrator: [{ role: 'auditor' }],
    createMyWebCredential: [{ name: 'x', expiresInSeconds: 60 }],
    createApiToken: [{ name: 'x', role: 'auditor', expiresInSeconds: 60 }],
    contain: ['user', 'device', 'session', 'app', 'connector', 'organisation'].map((kind) => ({
      subject: { kind, name: key },
      reason: 'x',
      expiresInSeconds: 60,
    })),
    explain: [
      { user: key, app: `wiki${own.suffix}` },
      { user: `ada${own.suffix}`, app: key },
    ],
    startDrill: [{ scenario: smallScenario, ports: {} }],
    openDrillDevice: [{ actor: 'thief', csrPem: 'x', name: 'x', os: 'x' }],
    keepDrill: [{}],
    proveDrill: [{ scenario: 'small' }],
    playDrill: [{ scenario: 'small' }],
    setDrillSchedule: [{ everySeconds: null, scenarios: [] }],
    assignDrillGap: [{ owner: key }],
    answerDrill: [{ inject: 0, text: key }],
    changeStory: [{ take: true }, { verdict: 'odd', note: key }],
    startPlaybook: [{ playbook: key }],
    answerPlaybook: [{ answer: 'yes' }],
    openIncident: [{ story: key }, { title: 'x', subjects: [{ kind: 'user', name: key }] }],
    changeIncident: [{ take: true }, { close: { cause: 'unknown', text: key } }],
    addToIncident: (['story', 'user', 'app', 'event'] as const).map((kind) => ({ kind, name: key })),
    containInIncident: [{ kind: 'user', name: key, expiresInSeconds: 60 }],
    recoverIncident: [{}],
    finishDrill: [
      {
        verdict: 'passed',
        outcomes: [],
        timeline: [],
        detectMs: null,
        hopsUntilSeen: null,
        containMs: null,
        residual: [],
        receipts: [],
        missing: [],
      },
    ],
    createTenant: [{ name: 'x', administrator: { name: key } }],
    changeTenant: [{ status: 'suspended' }],
    setTenantHosts: [{ hosts: ['claimed.test'] }],
    createExchangeToken: [{ name: 'x' }],
  }
  return specs[name] ?? [undefined]
}
