// Stories of drills: played by the real program through the real doors; stopped, silent and unsafe ones leave nothing.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { conductorDeps } from '#cli/drill-parts.ts'
import { findScenario } from '#cli/scenarios.ts'
import { hold, visit, type CanaryApp } from '#drill/actor.ts'
import { startCanary } from '#drill/canary.ts'
import { sallyportCommand } from './run-sallyport.ts'
import type { World } from './world-form.ts'

const PLAY_DEADLINE_MS = 120_000

export async function drillStories(t: TestContext, world: World): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-drill-'))
  const api = world.api()
  const profile = join(folder, 'profile.json')
  writeFileSync(profile, JSON.stringify(api.profile), { mode: 0o600 })
  const play = (...args: string[]) => {
    const [command = '', ...rest] = sallyportCommand(['drill', ...args, '--profile', profile])
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], timeout: PLAY_DEADLINE_MS })
    const said = { out: '', err: '' }
    child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()))
    return { child, said, ended: once(child, 'close').then(([code]) => code as number | null) }
  }
  const everything = async () => {
    const lists = await Promise.all(
      ['users', 'apps', 'policies', 'connector-groups', 'organisations'].map((plural) =>
        api.call('listResources', { params: { plural }, query: { limit: 1000 } }),
      ),
    )
    return lists.flatMap(({ items }) => items.map(({ id, version }) => `${id} ${version}`)).toSorted()
  }
  try {
    const kept = await everything()

    await t.test('a stolen session is contained on every path, and nothing is left of it', async () => {
      const report = join(folder, 'report.html')
      const { said, ended } = play('run', 'stolen-session', '--out', report)
      assert.equal(await ended, 0, said.err + said.out)
      assert.match(said.out, /passed/)
      assert.match(said.out, /over 3 paths/)
      assert.ok(existsSync(report) && readFileSync(report, 'utf8').includes('Every way back in is shut'))
      assert.deepEqual(await everything(), kept)
    })

    await t.test('whoever touches a decoy is noticed, and the report says how soon', async () => {
      const { said, ended } = play('run', 'decoy')
      assert.equal(await ended, 0, said.err + said.out)
      assert.match(said.out, /as decoy +met/)
      const { items } = await api.call('listStories', { query: { limit: 10 } })
      assert.equal(items[0]?.kind, 'decoy')
      assert.deepEqual(await everything(), kept)
    })

    await t.test('a drill that is interrupted is undone at once', async () => {
      const { child, said, ended } = play('run', 'everywhere-at-once')
      while (!said.err.includes('holds a flow')) await once(child.stderr, 'data')
      child.kill('SIGINT')
      assert.equal(await ended, 130, said.err)
      assert.deepEqual(await everything(), kept)
    })

    await t.test('one that could reach a real app is refused, with the policy, and leaves nothing', async () => {
      const text = 'permit (principal, action, resource == App::"wiki") when { context.session.ageSeconds < 60 };'
      await api.call('apply', {
        body: { documents: [{ kind: 'Policy', name: 'too-wide', spec: { text } }], allowWidening: true },
      })
      const before = await everything()
      const { said, ended } = play('run', 'stolen-session')
      assert.equal(await ended, 1)
      assert.match(said.err, /drill-unsafe.*wiki.*too-wide/s)
      assert.deepEqual(await everything(), before)
      await api.call('deleteResource', { params: { plural: 'policies', name: 'too-wide' }, query: {} })
    })

    await t.test('connectors keep its people from real apps even when policy lets them in', () => secondWall(world))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Wall one taken away by hand: a permit that appears while the drill runs, before control has looked again. */
async function secondWall(world: World): Promise<void> {
  const api = world.api()
  const scenario = findScenario('stolen-session')
  await using opened = new AsyncDisposableStack()
  const ports: Record<string, number> = {}
  for (const [handle, { kind }] of Object.entries(scenario.apps)) {
    const canary = await startCanary(kind)
    opened.defer(canary.close)
    ports[handle] = canary.port
  }
  const deps = conductorDeps(
    api,
    () => {},
    () => {},
  )
  const started = await deps.start(scenario, ports)
  opened.defer(() => deps.stop(started.drillId).catch(() => {}))
  const connector = await deps.startConnector(started.connectorToken)
  opened.defer(connector.close)
  const thief = await deps.openActor(started.drillId, 'thief')
  opened.defer(thief.close)
  const { user } = started.actors['thief'] ?? { user: '' }
  const permit = (app: string) =>
    `permit (principal == User::"${user}", action in [Action::"connect", Action::"request"], resource == App::"${app}");`
  const organisations = await api.call('listResources', { params: { plural: 'organisations' }, query: { limit: 1000 } })
  const own = organisations.items.find(({ spec }) =>
    (spec['apps'] as string[]).includes(started.apps['notes']?.name ?? ''),
  )
  assert.ok(own)
  await api.call('apply', {
    body: {
      documents: [
        { kind: 'Policy', name: 'breach', spec: { text: `${permit('wiki')}\n${permit('echo')}` } },
        {
          kind: 'Organisation',
          name: own.name,
          spec: { ...own.spec, apps: [...(own.spec['apps'] as string[]), 'wiki', 'echo'] },
        },
      ],
      allowWidening: true,
    },
  })
  const wiki: CanaryApp = { handle: 'wiki', name: 'wiki', kind: 'http', host: 'wiki.acme.test', port: 80 }
  const echo: CanaryApp = { handle: 'echo', name: 'echo', kind: 'tcp', host: 'echo.acme.test', port: 7 }
  const signal = AbortSignal.timeout(20_000)
  for (const app of [wiki, echo]) {
    const tried = await visit(thief, app, 1, signal)
    assert.equal(tried.kind, 'refused', `${app.name} was reached`)
    // Policy lets them in by now, or the reason would be `no-policy`: it is the connector that does not.
    assert.equal(tried.kind === 'refused' && tried.reason, 'no-connector')
    assert.equal(await hold(thief, app, signal), undefined)
  }
  await api.call('deleteResource', { params: { plural: 'policies', name: 'breach' }, query: {} })
}
