// Whole programs on the way to the internet, from a device: Chromium by the agent's PAC file, and git through its proxy.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startAgent } from '#agent/agent.ts'
import { Profile } from '#agent/profile.ts'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { startBrowser } from '#e2e/peers/browser.ts'
import { hello, run, startWebWorld, webPolicy } from './testing.ts'
import { agentFor } from './testing-agent.ts'
import { wordInspector, words } from './testing-inspector.ts'

const noChromium = existsSync('/usr/bin/chromium') ? false : 'no Chromium here'

test(
  'Chromium goes out by the PAC file, sees pages in the place of what is stopped, and goes on with a reason',
  { skip: noChromium },
  async () => {
    const inspector = wordInspector()
    const policies = [
      webPolicy('scanned', { annotations: { inspect: 'malware' } }),
      webPolicy('careful', { category: 'sharing', annotations: { coach: 'Think before you share.' } }),
      webPolicy('no-games', { effect: 'forbid', category: 'games' }),
    ]
    await using world = await startWebWorld(issueIntermediate, {
      policies,
      inspector,
      categoriesOf: (_tenant, host) => (host === 'play.test' ? ['games'] : host === 'share.test' ? ['sharing'] : []),
    })
    const versions: string[] = []
    const port = await world.site(['www.site.test', 'play.test', 'share.test', 'bad.test'], (request, response) => {
      versions.push(request.httpVersion)
      response.setHeader('content-type', 'text/html')
      const host = String(request.headers[':authority'] ?? request.headers.host)
      const text = `<!doctype html><title>site</title><h1>Welcome to ${host}</h1>${host.startsWith('bad') ? words.malicious : ''}`
      if ('stream' in response) response.end(text)
      else response.end(text)
    })
    await using device = await agentFor(world, { Profile, startAgent })
    await using browser = await startBrowser({
      trust: [world.acme.inspectionRoot.certificatePem],
      pacUrl: `http://${device.http}/proxy.pac`,
    })
    const page = await browser.context.newPage()
    await page.goto(`https://www.site.test:${port}/`)
    await page.getByText('Welcome to www.site.test').waitFor()
    assert.ok(versions.includes('2.0'))
    const blocked = await page.goto(`https://play.test:${port}/`)
    assert.equal(blocked?.status(), 403)
    await page.getByRole('heading', { name: 'This site is not open to you' }).waitFor()
    await page.getByText('no-games').waitFor()
    await page.goto(`https://bad.test:${port}/`)
    await page.getByRole('heading', { name: 'What you fetched was stopped' }).waitFor()
    await page.goto(`https://share.test:${port}/here?a=b`)
    await page.getByText('Think before you share.').waitFor()
    await page.getByRole('textbox').fill('for the customer')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Welcome to share.test').waitFor()
    assert.equal(page.url(), `https://share.test:${port}/here?a=b`)
  },
)

test('git clones through the agent with inspection on', async () => {
  await using world = await startWebWorld(issueIntermediate, {
    policies: [webPolicy('scanned', { annotations: { inspect: 'malware,dlp' } })],
    inspector: wordInspector(),
  })
  const source = join(world.folder, 'source')
  const git = (...args: readonly string[]) => execFileSync('git', args, { stdio: 'ignore' })
  git('init', '-q', source)
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b.test']
  git('-C', source, ...who, 'commit', '-q', '--allow-empty', '-m', 'first')
  git('clone', '-q', '--bare', source, join(world.folder, 'served', 'repo.git'))
  git('-C', join(world.folder, 'served', 'repo.git'), 'update-server-info')
  const { readFile } = await import('node:fs/promises')
  const port = await world.site(['git.test'], (request, response) => {
    const path = new URL(request.url ?? '/', 'https://git.test').pathname
    readFile(join(world.folder, 'served', path)).then(
      (body) => ('stream' in response ? response.end(body) : response.end(body)),
      () => {
        response.statusCode = 404
        if ('stream' in response) response.end()
        else response.end()
      },
    )
  })
  await using device = await agentFor(world, { Profile, startAgent })
  const settings = ['-c', `http.proxy=http://${device.http}`]
  const target = join(world.folder, 'clone')
  const { code, stderr } = await run('git', [...settings, 'clone', `https://git.test:${port}/repo.git`, target], {
    GIT_SSL_CAINFO: world.rootPath,
  })
  assert.equal(code, 0, stderr)
  assert.match(execFileSync('git', ['-C', target, 'log', '--oneline'], { encoding: 'utf8' }), /first/)
})

test('a program of the device that goes by the local proxy is decided like any other', async () => {
  await using world = await startWebWorld(issueIntermediate, { policies: [] })
  const port = await world.site(['www.site.test'], hello)
  await using device = await agentFor(world, { Profile, startAgent })
  const at = [
    '--silent',
    '--cacert',
    world.rootPath,
    '--proxy',
    `http://${device.http}`,
    `https://www.site.test:${port}/`,
  ]
  assert.equal(JSON.parse((await run('curl', at)).stdout).reason, 'no-policy')
  await world.putPolicies(webPolicy('web'))
  assert.equal((await run('curl', at)).stdout, 'hello')
})
