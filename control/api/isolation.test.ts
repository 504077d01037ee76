// Two tenants with everything in them: one asks for what is the other's, through every route, and finds nothing.
// Removing the tenant predicate makes this fail: shown by running it again on a changed copy of the source.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { routes, type RouteName } from '#core/api/routes.ts'
import { startTestControl, type TestControl } from '#control/testing.ts'
import { tenantTables } from '#control/store/schema.ts'
import { attempts, everythingOf, furnish, type Attempt, type Furnished } from './isolation.ts'

let test: TestControl
let acme: Furnished
let rival: Furnished

before(async () => {
  test = await startTestControl()
  acme = await furnish(test, 'acme', '-of-acme')
  rival = await furnish(test, 'rival', '-of-rival')
})
after(() => test.close())

/** What a person sees of an answer, without the words that they sent themselves and without ids made by the call. */
function shape(text: string, ...said: readonly string[]): string {
  const cleaned = said.reduce((rest, word) => rest.replaceAll(word, '*'), text)
  return cleaned.replace(/"(token|id|expiresAt|createdAt|url|cursor|next|command)":"[^"]*"/g, '"$1":"*"')
}

describe('a tenant', () => {
  it('finds, reads and changes nothing of another through any route, with any name or id', async () => {
    const kept = await everythingOf(test, acme.id)
    const tried = new Set<RouteName>()
    const foreign = [...acme.names, ...acme.ids, acme.token]
    let count = 0
    const tryOne = async ({ route, method, path, body, likewise }: Attempt) => {
      const options = { method, token: rival.token }
      const answer = await test.call(path, { ...options, body })
      tried.add(route)
      count++
      // What was sent may come back in an answer; nothing else of the other tenant may.
      const sent = `${decodeURIComponent(path)} ${JSON.stringify(body ?? '')}`
      for (const secret of foreign)
        if (!sent.includes(secret))
          assert.equal(answer.text.includes(secret), false, `${method} ${path} told of ${secret}`)
      if (path.includes('/tenants/acme'))
        assert.equal(answer.status, routes[route].access === 'provider-admin' ? 403 : 404, `${method} ${path}`)
      // An answer about a thing of another tenant is the answer about a thing that is nowhere.
      if (count % 7 === 0) {
        const other = await test.call(likewise.path, { ...options, body: likewise.body })
        if (other.status >= 400 || answer.status >= 400)
          assert.equal(answer.status, other.status, `${method} ${path} ${answer.text} ${other.text}`)
        if (answer.status === 404) assert.equal(answer.text, other.text, path)
      }
    }
    const waiting = attempts(rival, acme).values()
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (const attempt of waiting) await tryOne(attempt)
      }),
    )
    const expected = Object.entries(routes).filter(([, route]) => route.access !== 'public' && !('stream' in route))
    assert.deepEqual([...tried].toSorted(), expected.map(([name]) => name).toSorted())
    const [before, now] = [kept, await everythingOf(test, acme.id)].map((text) => JSON.parse(text))
    // Table by table: all of it at once would be an unreadable message.
    for (const table of Object.keys(before)) assert.deepEqual(now[table], before[table], table)
    assert.ok(count > 500)
  })

  it('has in its lists exactly what is its own', async () => {
    const lists = Object.values(routes).filter(
      ({ method, path, access }) =>
        method === 'GET' &&
        access !== 'public' &&
        path.includes(':tenant') &&
        !path.includes(':name') &&
        !path.includes(':id') &&
        !path.endsWith('/stream'),
    )
    for (const route of lists) {
      for (const path of route.path.includes(':plural')
        ? ['apps', 'users', 'policies', 'groups'].map((plural) => route.path.replace(':plural', plural))
        : [route.path]) {
        const answer = await test.call(path.replace(':tenant', 'acme'), { token: acme.token })
        assert.equal(answer.status, 200, `${path} ${answer.text}`)
        assert.equal(answer.text.includes('-of-rival'), false, path)
        for (const id of rival.ids) assert.equal(answer.text.includes(id), false, path)
      }
    }
  })

  it('cannot listen to events of another, nor claim its hosts, names in use or identities', async () => {
    const stream = await test.call('/v1/tenants/acme/events/stream', { token: rival.token })
    assert.equal(stream.status, 404)
    const hosts = await test.call('/v1/tenants/rival/settings', {
      token: rival.token,
      method: 'PATCH',
      body: { ownHosts: ['wiki-of-acme.test'] },
    })
    assert.equal(hosts.body.error.code, 'not-permitted')
    // The same names and identities are free in each tenant: they mean different things.
    const same = await test.call('/v1/tenants/rival/apply', {
      token: rival.token,
      body: {
        documents: [
          {
            kind: 'User',
            name: 'ada-of-acme',
            spec: { identities: [{ issuer: 'https://idp.test', subject: 'ada-of-acme' }] },
          },
        ],
      },
    })
    assert.equal(same.status, 200, shape(same.text))
    await test.call('/v1/tenants/rival/resources/users/ada-of-acme', { token: rival.token, method: 'DELETE' })
  })
})

/** Runs the tests above in a process whose source was changed on the way in. */
function runMutated(mutation: string): Promise<{ readonly failed: boolean; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [
        '--import',
        new URL('mutate.ts', import.meta.url).href,
        '--test-name-pattern',
        'a tenant',
        '--test',
        new URL(import.meta.url).pathname,
      ],
      {
        env: {
          ...process.env,
          SALLYPORT_MUTATION: mutation,
          NODE_TEST_CONTEXT: undefined,
          NODE_OPTIONS: `--import ${new URL('mutate.ts', import.meta.url).href}`,
        },
        timeout: 120_000,
      },
      (error, stdout, stderr) => resolve({ failed: error !== null, output: stdout + stderr }),
    )
  })
}

describe('the proof itself', { skip: process.env['SALLYPORT_MUTATION'] !== undefined }, () => {
  it('fails when the handle forgets a predicate: the guard refuses the query', async () => {
    const { failed, output } = await runMutated('containments!')
    assert.ok(failed, output)
    assert.match(output, /internal|500/)
  })

  // One of each sort here, every table in the long suite.
  const all = tenantTables.filter(
    (table) =>
      !['changes', 'sequences', 'keys', 'tenantSettings', 'streamCursors'].includes(table) &&
      !table.startsWith('signIn'),
  )
  const some = process.env['SALLYPORT_NIGHTLY'] ? all : ['resources', 'devices']
  for (const table of some) {
    it(`fails when the predicate on ${table} is forgotten and the guard looks away`, async () => {
      const { failed, output } = await runMutated(table)
      assert.ok(failed, `${table}: ${output}`)
    })
  }
})
