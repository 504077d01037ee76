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
