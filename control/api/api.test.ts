// The API over real HTTPS: what it does, what it refuses, and that what it acknowledged is on record.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Route } from '#core/api/route.ts'
import { routes, type RouteName } from '#core/api/routes.ts'
import { handlers } from './api.ts'
import {
  addTenantWithAdministrator,
  appsDomain,
  documentsOfEverything,
  domain,
  newCsr,
  providerToken,
  startTestControl,
  tokenOf,
  type TestControl,
} from '#control/testing.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
const T = '/v1/tenants/acme'

before(async () => {
  test = await startTestControl()
  acme = await addTenantWithAdministrator(test, 'acme')
})
after(() => test.close())

const asAdmin = (path: string, body?: unknown, method?: string) =>
  test.call(path, { token: acme.token, body, ...(method !== undefined && { method }) })

describe('apply', () => {
  it('makes everything, in any order of documents, and says so the second time', async () => {
    const dry = await asAdmin(`${T}/apply`, { documents: documentsOfEverything(), dryRun: true })
    assert.equal(dry.status, 200, dry.text)
    assert.ok(dry.body.changes.every(({ action }: { action: string }) => action === 'create'))
    assert.equal((await asAdmin(`${T}/resources/apps`)).body.total, 0)
    const first = await asAdmin(`${T}/apply`, { documents: documentsOfEverything() })
    assert.equal(first.status, 200, first.text)
    assert.equal(first.body.effect.missing.length, 0)
    const again = await asAdmin(`${T}/apply`, { documents: documentsOfEverything() })
    assert.ok(
      again.body.changes.every(({ action }: { action: string }) => action === 'unchanged'),
      again.text,
    )
    assert.equal(again.body.effect, null)
  })

  it('names each fault with its document and path, and changes nothing', async () => {
    const answer = await asAdmin(`${T}/apply`, {
      documents: [
        { kind: 'AppGroup', name: 'fine', spec: {} },
        { kind: 'App', name: 'bad', spec: { kind: 'tcp', connectorGroup: 'dc', upstream: { host: 'x', port: 99999 } } },
        { kind: 'Group', name: 'odd', spec: { colour: 'red' } },
        { kind: 'Nothing', name: 'x', spec: {} },
      ],
    })
    assert.equal(answer.status, 422)
    assert.equal(answer.body.error.at, 'documents[1].spec.upstream.port')
    const places = answer.body.error.faults.map(({ at }: { at: string }) => at)
    assert.ok(places.includes('documents[2].spec.colour'))
    assert.ok(places.some((at: string) => at.startsWith('documents[3]')))
    assert.equal((await asAdmin(`${T}/resources/app-groups/fine`)).status, 404)
  })

  it('refuses unknown references, cycles, foreign hosts and windows that end before they begin', async () => {
    const cases: [object, string][] = [
      [{ kind: 'User', name: 'eve', spec: { groups: ['ghosts'] } }, 'documents[0].spec.groups[0]'],
      [{ kind: 'Group', name: 'everyone', spec: { parents: ['staff'] } }, 'documents[0].spec.parents'],
      [
        {
          kind: 'App',
          name: 'evil',
          spec: {
            kind: 'http',
            connectorGroup: 'dc',
            upstream: { host: 'x' },
            browser: { enabled: true, host: 'wiki.rival.test' },
          },
        },
        'documents[0].spec.browser.host',
      ],
      [
        {
          kind: 'App',
          name: 'evil',
          spec: {
            kind: 'http',
            connectorGroup: 'dc',
            upstream: { host: 'x' },
            browser: { enabled: true, host: `wiki.acme.${appsDomain}` },
          },
        },
        'documents[0].spec.browser.host',
      ],
      [
        {
          kind: 'Organisation',
          name: 'late',
          spec: { sponsor: 'ada', from: '2030-01-01T00:00:00Z', until: '2029-01-01T00:00:00Z', apps: [] },
        },
        'documents[0].spec.until',
      ],
    ]
    for (const [document, at] of cases) {
      const answer = await asAdmin(`${T}/apply`, { documents: [document] })
      assert.equal(answer.body.error?.at, at, answer.text)
    }
  })

  it('leaves the old policies in force when the new ones are wrong', async () => {
    const answer = await asAdmin(`${T}/apply`, {
      documents: [
        {
          kind: 'Policy',
          name: 'allow',
          spec: { text: 'permit (principal, action, resource) when { context.nothing };' },
        },
      ],
    })
    assert.equal(answer.status, 422)
    assert.equal(answer.body.error.code, 'policy-invalid')
    assert.equal(answer.body.error.at, 'documents[0].spec.text')
    const kept = await asAdmin(`${T}/resources/policies/allow`)
    assert.equal(kept.body.version, 1)
    const explained = await asAdmin(`${T}/explain`, { user: 'ada', app: 'wiki' })
    assert.equal(explained.body.decision, 'allow', explained.text)
    assert.equal(explained.body.policies[0].name, 'allow')
  })

  it('prunes what is not listed, of the kinds that are, unless something refers to it', async () => {
    const refused = await asAdmin(`${T}/apply`, {
      documents: [{ kind: 'ConnectorGroup', name: 'other', spec: {} }],
      prune: true,
    })
    assert.equal(refused.body.error.code, 'still-referenced', refused.text)
    await asAdmin(`${T}/apply`, { documents: [{ kind: 'AppGroup', name: 'extra', spec: {} }] })
    const pruned = await asAdmin(`${T}/apply`, {
      documents: [{ kind: 'AppGroup', name: 'tools', spec: {} }],
      prune: true,
    })
    assert.deepEqual(
      pruned.body.changes.map(({ name, action }: { name: string; action: string }) => `${name} ${action}`),
      ['tools unchanged', 'extra delete'],
    )
  })

  it('keeps a client secret that an update leaves out, and never shows one', async () => {
    const before_ = await asAdmin(`${T}/resources/identity-providers/idp`)
    assert.equal(before_.text.includes('very-secret'), false)
    const { clientSecret: _, ...spec } = { clientSecret: '', ...before_.body.spec }
    const put = await asAdmin(`${T}/resources/identity-providers/idp`, { spec: { ...spec, clientId: 'y' } }, 'PUT')
    assert.equal(put.status, 200, put.text)
    const { createDirectory } = await import('#control/directory/people.ts')
    const [provider] = await createDirectory(test.context).identityProviders(acme.id)
    assert.equal(provider?.clientSecret, 'very-secret')
    assert.equal(provider?.clientId, 'y')
  })

  it('refuses a put that was based on an older version', async () => {
    const answer = await asAdmin(`${T}/resources/app-groups/tools`, { spec: { displayName: 'x' }, version: 7 }, 'PUT')
    assert.equal(answer.status, 409)
    assert.equal(answer.body.error.code, 'version-conflict')
  })
})

describe('access', () => {
  it('is asked for on every route that is not public, by a token that lives', async () => {
    for (const [name, route] of Object.entries(routes)) {
      if (route.access === 'public') continue
      const path = route.path.replace(':tenant', 'acme').replace(/:\w+/g, 'x')
      for (const token of [undefined, 'sp_api_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'x'.repeat(40)]) {
        const answer = await test.call(path, { method: route.method, ...(token && { token }) })
        assert.equal(answer.status, 401, `${name} ${answer.text}`)
      }
    }
  })

  it('goes by role: user, auditor, administrator', async () => {
    const { store } = test.context
    const ada = await store
      .forTenant(acme.id)
      .selectFrom('resources')
      .select('id')
      .where('name', '=', 'ada')
      .executeTakeFirstOrThrow()
    await asAdmin(`${T}/administrators/ada`, { role: 'auditor' }, 'PUT')
    const auditor = await tokenOf(test, acme.id, ada.id, 'tenant-admin')
    // The token says more than its maker is.
    assert.equal((await test.call(`${T}/resources/apps`, { token: auditor })).status, 200)
    const denied = await test.call(`${T}/containments`, {
      token: auditor,
      body: { subject: { kind: 'app', name: 'wiki' }, reason: 'x', expiresInSeconds: 60 },
    })
    assert.equal(denied.body.error.code, 'not-permitted')
    const above = await test.call(`${T}/api-tokens`, {
      token: auditor,
      body: { name: 'up', role: 'tenant-admin', expiresInSeconds: 60 },
    })
    assert.equal(above.status, 403)
    await asAdmin(`${T}/administrators/ada`, undefined, 'DELETE')
    assert.equal((await test.call(`${T}/resources/apps`, { token: auditor })).status, 403)
    assert.equal((await test.call(`${T}/my/apps`, { token: auditor })).status, 200)
    assert.equal((await asAdmin('/v1/tenants')).status, 403)
  })

  it('never lets a tenant make a provider administrator', async () => {
    const answer = await asAdmin(`${T}/administrators/ada`, { role: 'provider-admin' }, 'PUT')
    assert.equal(answer.body.error.code, 'not-permitted')
    const token = await asAdmin(`${T}/api-tokens`, { name: 'up', role: 'provider-admin', expiresInSeconds: 60 })
    assert.equal(token.body.error.code, 'not-permitted')
  })

  it('in the provider’s tenant has no step between reading and everything', async () => {
    const token = await providerToken(test)
    const P = '/v1/tenants/provider'
    await test.call(`${P}/apply`, { token, body: { documents: [{ kind: 'User', name: 'helper', spec: {} }] } })
    const role = await test.call(`${P}/administrators/helper`, { token, method: 'PUT', body: { role: 'tenant-admin' } })
    assert.equal(role.body.error.code, 'not-permitted')
    const made = await test.call(`${P}/api-tokens`, {
      token,
      body: { name: 'x', role: 'tenant-admin', expiresInSeconds: 60 },
    })
    assert.equal(made.body.error.code, 'not-permitted')
    const auditor = await test.call(`${P}/api-tokens`, {
      token,
      body: { name: 'x', role: 'auditor', expiresInSeconds: 60 },
    })
    const escalate = await test.call(`${P}/users/admin/invitation`, { token: auditor.body.token, body: {} })
    assert.equal(escalate.status, 403)
    assert.equal((await test.call('/v1/tenants', { token: auditor.body.token })).status, 403)
  })

  it('by a token does not outlive it through another token', async () => {
    const short = await asAdmin(`${T}/api-tokens`, { name: 'short', role: 'tenant-admin', expiresInSeconds: 60 })
    const child = await test.call(`${T}/api-tokens`, {
      token: short.body.token,
      body: { name: 'child', role: 'auditor', expiresInSeconds: 86_400 },
    })
    assert.equal(child.body.expiresAt, short.body.expiresAt)
  })

  it('of a provider administrator ends at the door of a tenant', async () => {
    const token = await providerToken(test)
    assert.equal((await test.call('/v1/tenants', { token })).status, 200)
    const foreign = await test.call(`${T}/resources/users`, { token })
    const unknown = await test.call('/v1/tenants/nobody/resources/users', { token })
    assert.equal(foreign.status, 404)
    assert.equal(foreign.text, unknown.text)
  })

  it('ends with the user, the tenant and the token', async () => {
    const made = await asAdmin(`${T}/api-tokens`, { name: 'short', role: 'auditor', expiresInSeconds: 60 })
    assert.equal((await test.call('/v1/me', { token: made.body.token })).body.roles.join(), 'auditor')
    await asAdmin(`${T}/api-tokens/${made.body.id}`, undefined, 'DELETE')
    assert.equal((await test.call('/v1/me', { token: made.body.token })).status, 401)
    const other = await addTenantWithAdministrator(test, 'gone')
    const provider = await providerToken(test)
    const suspended = await test.call('/v1/tenants/gone', {
      token: provider,
      method: 'PATCH',
      body: { status: 'suspended' },
    })
    assert.equal(suspended.body.status, 'suspended', suspended.text)
    assert.equal((await test.call('/v1/me', { token: other.token })).status, 401)
    const removed = await test.call('/v1/tenants/gone', { token: provider, method: 'DELETE' })
    assert.equal(removed.status, 200, removed.text)
    assert.equal((await test.call('/v1/tenants', { token: provider })).text.includes('gone'), false)
    const host = await test.call('/', { host: `gone.${domain}` }).catch((error: Error) => error.message)
    assert.match(String(host), /alert|unrecognized|reset|hang up/i)
  })
})

describe('the last administrator', () => {
  it('cannot be demoted, deleted or disabled', async () => {
    const attempts = [
      asAdmin(`${T}/administrators/root-user`, { role: 'auditor' }, 'PUT'),
      asAdmin(`${T}/administrators/root-user`, undefined, 'DELETE'),
      asAdmin(`${T}/resources/users/root-user`, undefined, 'DELETE'),
      asAdmin(`${T}/resources/users/root-user`, { spec: { status: 'disabled' } }, 'PUT'),
    ]
    for (const answer of await Promise.all(attempts))
      assert.equal(answer.body.error?.code, 'last-administrator', answer.text)
    assert.equal((await asAdmin('/v1/me')).status, 200)
  })

  it('is one of two when both leave at once', async () => {
    const two = await addTenantWithAdministrator(test, 'two')
    await test.call('/v1/tenants/two/apply', {
      token: two.token,
      body: { documents: [{ kind: 'User', name: 'second', spec: {} }] },
    })
    await test.call('/v1/tenants/two/administrators/second', {
      token: two.token,
      method: 'PUT',
      body: { role: 'tenant-admin' },
    })
    const answers = await Promise.all(
      ['second', 'root-user'].map((user) =>
        test.call(`/v1/tenants/two/administrators/${user}`, { token: two.token, method: 'DELETE' }),
      ),
    )
    const rows = await test.context.store.forTenant(two.id).selectFrom('roles').selectAll().execute()
    assert.equal(rows.length, 1, answers.map(({ text }) => text).join())
  })
})

/** Another signature than the key's: one bit of the last line. */
function altered(csrPem: string): string {
  const at = csrPem.lastIndexOf('\n-----END') - 8
  return `${csrPem.slice(0, at)}${csrPem[at] === 'A' ? 'B' : 'A'}${csrPem.slice(at + 1)}`
}

describe('enrolment', () => {
  const group = { connectorGroup: 'dc' }

  it('gives a connector its certificate for a token, once, however many ask at the same time', async () => {
    const { token } = (await asAdmin(`${T}/enrolment-tokens`, group)).body
    assert.match(token, /^sp_enr_[\w-]{43}~[\w-]{43}$/)
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () =>
        test.call('/v1/enrol', { body: { token, csrPem: (await newCsr()).csrPem } }),
      ),
    )
    const won = answers.filter(({ status }) => status === 201)
    assert.equal(won.length, 1, answers.map(({ text }) => text).join('\n'))
    assert.ok(answers.filter(({ status }) => status !== 201).every(({ body }) => body.error.code === 'token-invalid'))
    assert.equal(won[0]?.body.tenant, 'acme')
    const connectors = await asAdmin(`${T}/connectors`)
    assert.equal(connectors.body.total, 1)
    const listed = await asAdmin(`${T}/enrolment-tokens`)
    assert.equal(listed.text.includes(token.slice(7, 40)), false)
    assert.notEqual(listed.body.items[0].usedAt, null)
  })

  it('refuses a token that is unknown, expired or withdrawn, and a request that does not prove its key', async () => {
    const { csrPem } = await newCsr()
    const unknown = await test.call('/v1/enrol', { body: { token: `sp_enr_${'a'.repeat(43)}`, csrPem } })
    const made = (await asAdmin(`${T}/enrolment-tokens`, group)).body
    const broken = await test.call('/v1/enrol', {
      body: { token: made.token, csrPem: altered(csrPem) },
    })
    assert.equal(broken.body.error.code, 'certificate-refused')
    const { items } = (await asAdmin(`${T}/enrolment-tokens`)).body
    const open = items.find(({ usedAt }: { usedAt: string | null }) => usedAt === null)
    await asAdmin(`${T}/enrolment-tokens/${open.id}`, undefined, 'DELETE')
    const withdrawn = await test.call('/v1/enrol', { body: { token: made.token, csrPem } })
    assert.equal(unknown.text, withdrawn.text)
    assert.equal(withdrawn.status, 401)
  })
})

describe('what was acknowledged', () => {
  it('is written by every handler that changes something', () => {
    for (const [name, route] of Object.entries<Route>(routes)) {
      if (route.method === 'GET' || route.access === 'public' || route.isQuestion || name === 'explain') continue
      // A heartbeat is as good as the start that it keeps alive.
      if (name === 'keepDrill') continue
      // On record as the enrolment that it is, by the person whose device it is.
      if (name === 'openDrillDevice') continue
      // On record as the start that its conductor asks for.
      if (name === 'playDrill') continue
      assert.match(handlers[name as RouteName].toString(), /await record\(/, name)
    }
  })

  it('is in the journal with who, what and before and after, and without secrets', async () => {
    const made = await asAdmin(`${T}/api-tokens`, { name: 'ci', role: 'auditor', expiresInSeconds: 600 })
    const events = await asAdmin(`${T}/events?class=6003&limit=1000`)
    assert.equal(events.status, 200, events.text)
    const [newest] = events.body.items
    assert.equal(newest.event.api.operation, 'createApiToken')
    assert.equal(newest.event.actor.user.name, 'root-user')
    for (const secret of [made.body.token, acme.token, 'very-secret']) assert.equal(events.text.includes(secret), false)
    const denied = events.body.items.find(({ event }: { event: { status_id: number } }) => event.status_id === 2)
    assert.ok(denied, 'refused attempts are recorded too')
  })

  it('can be read page by page with a cursor', async () => {
    const first = await asAdmin(`${T}/events?limit=2`)
    const second = await asAdmin(`${T}/events?limit=2&after=${encodeURIComponent(first.body.next)}`)
    const uids = [...first.body.items, ...second.body.items].map(({ event }) => event.metadata.uid)
    assert.equal(new Set(uids).size, 4)
    const users = await asAdmin(`${T}/resources/users?limit=1`)
    assert.equal(users.body.items.length, 1)
    const rest = await asAdmin(`${T}/resources/users?after=${users.body.next}`)
    assert.equal(rest.body.items.length, users.body.total - 1)
  })
})

describe('bad input', () => {
  it('gets a stable code', async () => {
    const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
      test.call(`${T}/explain`, {
        token: acme.token,
        method: 'POST',
        headers: { ...headers, 'x-body': String(body.length) },
      })
    assert.equal((await post('')).body.error.code, 'request-malformed')
    const cases: [string, unknown, number][] = [
      [`${T}/explain`, { user: 'ada', app: 'wiki', extra: 1 }, 400],
      [`${T}/explain`, { user: 'ada' }, 400],
      [`${T}/explain`, { user: 'ada', app: 'wiki', reason: 'x'.repeat(70_000) }, 413],
      [`${T}/explain`, JSON.parse('['.repeat(80) + ']'.repeat(80)), 400],
    ]
    for (const [path, body, status] of cases) assert.equal((await asAdmin(path, body)).status, status)
    assert.equal((await asAdmin(`${T}/sessions?limit=0`)).status, 400)
    assert.equal((await asAdmin(`${T}/sessions?limit=1&limit=2`)).status, 400)
    assert.equal((await asAdmin(`${T}/resources/unicorns`)).status, 404)
    assert.equal((await asAdmin('/v2/nothing')).body.error.code, 'not-found')
    assert.equal((await asAdmin(`${T}/events?after=garbage`)).status, 400)
  })

  it('on the wrong host is sent away', async () => {
    const answer = await test.call('/v1/health', { host: `api.${domain}`, headers: { host: `console.${domain}` } })
    assert.equal(answer.status, 421)
    assert.equal((await test.call('/v1/health')).body.status, 'ok')
  })

  it('from another site never reaches the console API', async () => {
    const host = `console.${domain}`
    const crossSite = await test.call('/api/v1/me', {
      host,
      headers: { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
    })
    assert.equal(crossSite.body.error.code, 'origin-mismatch')
    const noOrigin = await test.call(`/api${T}/explain`, { host, body: {} })
    assert.equal(noOrigin.body.error.code, 'origin-mismatch')
    // A bearer token is not believed on the console's host, nor a cookie on the API's.
    assert.equal((await test.call('/api/v1/me', { host, token: acme.token })).status, 401)
    assert.equal((await test.call('/v1/me', { headers: { cookie: '__Host-sallyport-console=x' } })).status, 401)
  })
})

it('describes itself: every route with its schemas', async () => {
  const { body } = await test.call('/v1/openapi.json')
  assert.equal(body.openapi, '3.1.0')
  const operations = Object.values(body.paths as Record<string, Record<string, { operationId: string }>>)
    .flatMap((path) => Object.values(path))
    .map(({ operationId }) => operationId)
  assert.deepEqual(operations.toSorted(), Object.keys(routes).toSorted())
  assert.ok(
    body.paths['/v1/tenants/{tenant}/apply'].post.requestBody.content['application/json'].schema.properties.documents,
  )
})
