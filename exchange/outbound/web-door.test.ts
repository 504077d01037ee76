// The explicit proxy: a credential opens the way to the internet and nothing else, and guessing leads nowhere.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { newId } from '#core/ids.ts'
import { sessionRecord } from '#exchange/testing/records.ts'
import { newSecret, sha256 } from '#transport/secret.ts'
import { caps } from './caps.ts'
import { hello, run, startWebWorld, type WebWorld } from './testing.ts'

const DOOR = 'acme.web.sallyport.test'

async function start() {
  const world = await startWebWorld(issueIntermediate)
  const secret = newSecret('spweb')
  const session = { ...sessionRecord(world.alice.id, null), door: 'web' as const, factors: ['app-password'] }
  const credential = {
    kind: 'webCredential' as const,
    id: newId('webCredential'),
    sessionId: session.id,
    secretHash: sha256(secret).toString('base64url'),
  }
  await world.control.change(world.acme, { op: 'put', record: session }, { op: 'put', record: credential })
  return Object.assign(world, { secret, session, credential })
}

async function through(world: WebWorld, password: string | undefined, ...args: readonly string[]) {
  const door = `${DOOR}:${world.exchange.port}`
  const { writeFileSync } = await import('node:fs')
  const ca = `${world.folder}-webca.pem`
  writeFileSync(ca, world.control.webCa.certificatePem)
  const user = password === undefined ? [] : ['--proxy-user', `alice:${password}`]
  const own = [
    '--silent',
    '--show-error',
    '--max-time',
    '15',
    '--cacert',
    world.rootPath,
    '--resolve',
    `${door}:127.0.0.1`,
  ]
  return run('curl', [...own, '--proxy', `https://${door}`, '--proxy-cacert', ca, ...user, ...args])
}

test('a credential opens the way to the internet, as its person, and apps stay closed', async () => {
  await using world = await start()
  const port = await world.site(['www.site.test'], hello)
  const plain = await world.plainSite((request, response) => response.end(JSON.stringify(request.headers)))
  assert.equal((await through(world, world.secret, `https://www.site.test:${port}/`)).stdout, 'hello')
  const headers = (await through(world, world.secret, `http://plain.test:${plain}/`)).stdout
  assert.doesNotMatch(headers, /proxy|alice/i)
  const app = await through(world, world.secret, '-i', 'http://wiki.acme.internal/')
  assert.match(app.stdout, /destination-refused|upstream/)
  assert.deepEqual(world.seen, [])
})

test('without a credential, with a wrong one, and after its end there is nothing but the question', async () => {
  await using world = await start()
  const port = await world.site(['www.site.test'], hello)
  const at = `https://www.site.test:${port}/`
  const codeOf = async (password?: string) =>
    (await through(world, password, '-o', '/dev/null', '-w', '%{http_connect}', at)).stdout
  assert.equal(await codeOf(), '407')
  assert.equal(await codeOf('sp_web_wrong'), '407')
  assert.equal(await codeOf(world.secret), '200')
  await world.control.change(world.acme, { op: 'remove', kind: 'session', id: world.session.id })
  assert.equal(await codeOf(world.secret), '407')
})

test('an address that guesses is stopped, also with the right secret, until the minute is over', async () => {
  await using world = await start()
  const port = await world.site(['www.site.test'], hello)
  const at = `https://www.site.test:${port}/`
  const codeOf = async (password: string) =>
    (await through(world, password, '-o', '/dev/null', '-w', '%{http_connect}', at)).stdout
  const tries = Array.from({ length: caps.failedSecrets.default }, (_, at_) => `guess${at_}`)
  for (const guess of tries) await codeOf(guess)
  assert.equal(await codeOf(world.secret), '429')
})

test('the door is not there for a tenant without a way to the internet', async () => {
  await using world = await start()
  const door = `globex.web.sallyport.test:${world.exchange.port}`
  const { code } = await run('curl', ['--silent', '--resolve', `${door}:127.0.0.1`, '-k', `https://${door}/`])
  assert.notEqual(code, 0)
})
