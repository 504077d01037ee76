// Stories of carol, whose employer Contoso has a contract for the wiki: what she gets, for how long, and nothing else.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Person } from '#demo/person.ts'
import { curlAs, program } from './programs.ts'
import { runUntilLine } from './run-sallyport.ts'
import { until } from './stories-agent.ts'
import { cookieFor } from './stories-http.ts'
import type { World } from './world-form.ts'

const DAY_MS = 86_400_000
const programFile = (name: string) => fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url))

async function applyContract(world: World, untilMs: number): Promise<void> {
  const spec = {
    displayName: 'Contoso Cabling',
    sponsor: 'alice',
    from: new Date(Date.now() - DAY_MS).toISOString(),
    until: new Date(untilMs).toISOString(),
    apps: ['wiki'],
  }
  const { effect } = await world
    .api()
    .call('apply', { body: { documents: [{ kind: 'Organisation', name: 'contoso', spec }], allowWidening: true } })
  assert.deepEqual(effect?.missing, [])
}

export async function thirdPartyStories(t: TestContext, world: World): Promise<void> {
  await using agent = await world.agent('carol')
  const [wiki, files] = [`wiki.acme.${world.appsDomain}`, `files.acme.${world.appsDomain}`]
  const carol = new Person(world.webCaPem)
  const proxy = ['-i', '-H', 'Accept: application/json', '-x', `http://127.0.0.1:${agent.httpPort}`] as const
  const throughAgent = async (...args: string[]) => {
    const { out, err } = await curlAs(agent.account, ...proxy, ...args)
    return `${/^HTTP\/1\.1 (\d+)/.exec(out)?.[1] ?? err} ${/sallyport-reason: (\S+)/i.exec(out)?.[1] ?? ''}`.trim()
  }
  const inBrowser = async (host: string) => {
    const page = await carol.fetch(world.url(host), { headers: { Accept: 'application/json' } })
    return `${page.status} ${String(page.headers['sallyport-reason'] ?? '')}`.trim()
  }
  await cookieFor(world, carol, wiki, 'carol')
  await cookieFor(world, carol, files, 'carol')

  await t.test('reads the wiki and changes nothing there', async () => {
    assert.equal(await inBrowser(wiki), '200')
    assert.equal(await throughAgent('http://wiki.acme.test/'), '200')
    assert.equal(await throughAgent('-d', 'text=hacked', 'http://wiki.acme.test/page/welcome'), '403 no-policy')
    const posted = await carol.fetch(world.url(wiki, '/page/welcome'), {
      method: 'POST',
      headers: { Origin: world.url(wiki, ''), 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'text=hacked',
    })
    assert.equal(`${posted.status} ${String(posted.headers['sallyport-reason'])}`, '403 no-policy')
    assert.doesNotMatch((await carol.open(world.url(wiki, '/page/welcome'))).text, /hacked/)
  })

  await t.test('reaches no other app, with or without the agent, nor learns of it', async () => {
    assert.equal(await inBrowser(files), '403 app-not-in-contract')
    assert.equal(await throughAgent('http://files.acme.test/'), '403 app-not-in-contract')
    const socks = [programFile('socks-connect'), String(agent.socksPort), 'echo.acme.test', '7']
    assert.notEqual((await program(process.execPath, socks, {}, agent.account)).code, 0)
    const portal = await carol.open(world.url(`acme.${world.domain}`))
    assert.match(portal.text, /Wiki/)
    assert.doesNotMatch(portal.text, /Files|Echo/)
  })

  await t.test('asks for an app, gets it from the sponsor, and loses it when it is withdrawn', async () => {
    const denial = await carol.open(world.url(files))
    const link = /href="([^"]+)">Request access</.exec(denial.text)?.[1]
    assert.ok(link, `the page of the denial leads to the form: ${denial.text}`)
    const form = await carol.open(
      link.replaceAll('&amp;', '&').replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(code)),
    )
    const asked = await carol.submit(form, { app: 'files', reason: 'cable plans' }, /\/request$/)
    assert.match(asked.text, /Your request was sent/)
    assert.equal(await inBrowser(files), '403 app-not-in-contract')

    const sponsor = new Person(world.webCaPem)
    await cookieFor(world, sponsor, wiki, 'alice')
    const waiting = await sponsor.open(world.url(`acme.${world.domain}`, '/approvals'))
    assert.match(waiting.text, /cable plans/)
    await sponsor.submit(waiting, { hours: '8', decision: 'approve' }, /\/approvals$/)
    await until(async () => (await inBrowser(files)) === '200')
    assert.equal(await throughAgent('http://files.acme.test/'), '200')
    assert.match((await carol.open(world.url(`acme.${world.domain}`))).text, /Files/)

    const { items } = await world.api().call('listApprovals', { query: {} })
    const effect = await world.api().call('deleteApproval', { params: { id: items[0]?.id ?? '' } })
    assert.deepEqual(effect.missing, [])
    assert.equal(await inBrowser(files), '403 app-not-in-contract')
  })

  await t.test('has approved access only until it expires', async () => {
    const form = await carol.open(world.url(`acme.${world.domain}`, '/request?app=files'))
    await carol.submit(form, { app: 'files', reason: 'a moment' }, /\/request$/)
    const { toDecide } = await world.api().call('myAccessRequests')
    const decided = await world.api().call('decideAccessRequest', {
      params: { id: toDecide.find(({ user }) => user === 'carol')?.id ?? '' },
      body: { decision: 'approve', accessSeconds: 4 },
    })
    assert.equal(decided.status, 'approved')
    await until(async () => (await inBrowser(files)) === '200')
    await until(async () => (await inBrowser(files)) === '403 app-not-in-contract')
    assert.equal(await throughAgent('http://files.acme.test/'), '403 app-not-in-contract')
  })

  await t.test('gets nothing outside the contract window, and what is open is cut', async () => {
    const client = [process.execPath, programFile('web-socket'), String(agent.socksPort), 'ws://wiki.acme.test/socket']
    const socket = await runUntilLine(client, /^open/, { account: agent.account })
    const closed = once(socket.process, 'exit')
    await applyContract(world, Date.now() - 60_000)
    await closed
    assert.equal(await inBrowser(wiki), '403 outside-contract')
    assert.equal(await throughAgent('http://wiki.acme.test/'), '403 outside-contract')
    // Time alone ends a contract too: nobody changes anything when this one is over.
    const endsAtMs = Date.now() + 6000
    await applyContract(world, endsAtMs)
    await until(async () => (await inBrowser(wiki)) === '200')
    const again = await runUntilLine(client, /^open/, { account: agent.account })
    await once(again.process, 'exit')
    assert.ok(Date.now() >= endsAtMs - 1000, 'not before its time')
    assert.equal(await inBrowser(wiki), '403 outside-contract')
    await applyContract(world, Date.now() + 90 * DAY_MS)
    await until(async () => (await inBrowser(wiki)) === '200')
  })
}
