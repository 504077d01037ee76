// A policy that names what is not there is accepted, and its author is told.
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>

before(async () => {
  test = await startTestControl()
  acme = await addTenantWithAdministrator(test, 'acme')
})
after(() => test.close())

const apply = (documents: readonly object[], more: object = {}) =>
  test.call('/v1/tenants/acme/apply', { token: acme.token, body: { documents, allowWidening: true, ...more } })
const policy = (text: string) => ({
  kind: 'Policy',
  name: 'stop',
  spec: { text: `${text}\npermit (principal == User::"ada", action == Action::"connect", resource == App::"db");` },
})

it('says nothing of policies that name what is there', async () => {
  const applied = await apply(documentsOfEverything())
  // The only permit is about requests, and this app is reached by connecting.
  const unreachable = [{ document: '', message: 'no policy permits anyone to reach App "db"' }]
  assert.deepEqual(applied.body.warnings, unreachable, applied.text)
  const users = policy(
    'forbid (principal == User::"ada", action, resource == App::"wiki");\nforbid (principal in Organisation::"partner", action, resource in AppGroup::"tools");',
  )
  assert.deepEqual((await apply([users])).body.warnings, [])
})

it('names the app, group, user and organisation that a policy mistypes, in a dry run too', async () => {
  const mistyped = policy(
    `forbid (principal, action, resource == App::"wki");
forbid (principal in Group::"staf", action, resource);
forbid (principal == User::"adda", action, resource);
forbid (principal in Organisation::"partners", action, resource in AppGroup::"tols");`,
  )
  for (const dryRun of [true, false]) {
    const { status, body, text } = await apply([{ kind: 'AppGroup', name: 'more', spec: {} }, mistyped], { dryRun })
    assert.equal(status, 200, text)
    assert.equal(body.warnings.length, 5, text)
    for (const { document } of body.warnings) assert.equal(document, 'documents[1]')
    const messages = body.warnings.map(({ message }: { message: string }) => message).join('\n')
    assert.match(messages, /there is no App "wki"; did you mean "wiki"\?/)
    assert.match(messages, /there is no Group "staf"; did you mean "staff"\?/)
    assert.match(messages, /line 4: there is no AppGroup "tols"/)
  }
})

it('counts what the same apply makes, and tells of a policy left behind by one that deletes', async () => {
  const added = [
    { kind: 'App', name: 'wki', spec: { kind: 'http', connectorGroup: 'dc', upstream: { host: 'x' } } },
    policy('forbid (principal, action, resource == App::"wki");'),
  ]
  const forbidden = [{ document: '', message: 'nobody can reach App "wki": whatever is permitted is forbidden' }]
  assert.deepEqual((await apply(added)).body.warnings, forbidden)
  const without = documentsOfEverything().filter((document) => 'kind' in document && document.kind === 'App')
  const pruned = await apply(without, { prune: true })
  assert.equal(pruned.status, 200, pruned.text)
  assert.deepEqual(
    pruned.body.warnings.map(({ document }: { document: string }) => document),
    ['Policy stop'],
  )
  assert.match(pruned.body.warnings[0].message, /there is no App "wki"/)
})
