// One decision may stand for requests of the same second: what it must not stand for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#core/ids.ts'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { hello, startWebWorld, webPolicy } from './testing.ts'

const pathPolicy = {
  ...webPolicy('no-admin', { effect: 'forbid' }),
  est: {
    ...(webPolicy('x', { effect: 'forbid' }).est as object),
    conditions: [
      {
        kind: 'when',
        body: {
          '==': {
            left: { '.': { left: { '.': { left: { Var: 'context' }, attr: 'http' } }, attr: 'path' } },
            right: { Value: '/admin' },
          },
        },
      },
    ],
  },
}

test('a decision stands for no other path when a policy looks at paths, and for none after a change', async () => {
  await using world = await startWebWorld(issueIntermediate, { policies: [webPolicy('all')] })
  const port = await world.site(['www.site.test'], hello)
  const at = `https://www.site.test:${port}`
  // One program, one connection, one second: the second of each pair is answered by what stands.
  const codes = async (...paths: readonly string[]) => {
    const args = paths.flatMap((path) => ['-o', '/dev/null', `${at}${path}`])
    return (await world.curl('-w', '%{http_code} ', ...args)).stdout.trim().split(' ').map(Number)
  }
  assert.deepEqual(await codes('/a', '/admin', '/b'), [200, 200, 200])
  await world.putPolicies({ ...pathPolicy, id: newId('policy') })
  assert.deepEqual(await codes('/a', '/admin', '/a', '/admin', '/b'), [200, 403, 200, 403, 200])
  await world.putPolicies({ ...webPolicy('closed', { effect: 'forbid' }) })
  assert.deepEqual(await codes('/a', '/b'), [403, 403])
})

test('no spelling of a path gets by a policy on paths, and the site gets the one that was decided on', async () => {
  await using world = await startWebWorld(issueIntermediate, {
    policies: [webPolicy('all'), { ...pathPolicy, id: newId('policy') }],
  })
  const seen: (string | undefined)[] = []
  const port = await world.site(['www.site.test'], (request, response) => {
    seen.push(request.url)
    hello(request, response)
  })
  const authority = `www.site.test:${port}`
  const codeOf = async (path: string) => {
    const answer = await world.ask(authority, `GET ${path} HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`)
    return Number(answer.slice(9, 12))
  }
  const around = ['/%61dmin', '/%41dmin/../admin', '//admin', '/./admin', '/a/../admin', '/a;x/../admin', '/admin;x']
  const hidden = [
    '/%2561dmin',
    '/a%2f..%2fadmin',
    '/a\\..\\admin',
    '/%c0%afadmin',
    '/admin%00',
    '/%2e/admin',
    '/ad%0amin',
  ]
  for (const path of [...around, ...hidden]) assert.ok([400, 403].includes(await codeOf(path)), path)
  assert.deepEqual(seen, [])
  assert.equal(await codeOf('/%62oard/%7euser?next=%2fadmin'), 200)
  assert.deepEqual(seen, ['/board/~user?next=%2fadmin'])
})

test('a path that can be read in two ways goes through where no policy for its site looks at paths', async () => {
  const onlyElsewhere = {
    ...(pathPolicy.est as object),
    resource: { op: '==', entity: { type: 'Destination', id: 'other.test' } },
  }
  await using world = await startWebWorld(issueIntermediate, {
    policies: [webPolicy('all'), { ...pathPolicy, id: newId('policy'), est: onlyElsewhere }],
  })
  const seen: (string | undefined)[] = []
  const port = await world.site(['www.site.test'], (request, response) => {
    seen.push(request.url)
    hello(request, response)
  })
  const authority = `www.site.test:${port}`
  const answer = await world.ask(
    authority,
    `GET /a;b//c%2fd HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 200/)
  assert.deepEqual(seen, ['/a;b//c%2fd'])
})
