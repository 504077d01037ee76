// The product, watched while it works: a real Prometheus scrapes it, the figures follow what people do, and a slow app is
// told from a slow way.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { metricTable, type Family } from '#operations/metric-table.ts'
import { freePort } from './peers/ports.ts'
import { sallyportCommand } from './run-sallyport.ts'
import { startWorld } from './world.ts'

const hasPrometheus = existsSync('/usr/bin/prometheus')

test('a running product is watched from outside', { timeout: 180_000 }, async (t) => {
  const [metricsPort, collectorPort] = [await freePort(), await freePort()]
  const spans: { traceId: string; name: string }[] = []
  const collector = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      for (const { scopeSpans } of JSON.parse(body).resourceSpans)
        for (const scope of scopeSpans) spans.push(...scope.spans)
      response.end('{}')
    })
  })
  collector.listen(collectorPort, '127.0.0.1')
  process.env['SALLYPORT_METRICS'] = `127.0.0.1:${metricsPort}`
  process.env['SALLYPORT_TRACES'] = `http://127.0.0.1:${collectorPort}`
  await using world = await startWorld('one-process').finally(() => {
    delete process.env['SALLYPORT_METRICS']
    delete process.env['SALLYPORT_TRACES']
  })
  const scrape = async () => await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  const valueOf = (text: string, name: string) =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1])

  await using agent = await world.agent('alice')

  await t.test('each family of the table that is not conditional is there, and no other', async () => {
    const text = await scrape()
    const exposed = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name ?? ''))
    const wanted = Object.entries<Family>(metricTable).filter(
      ([, { part, only }]) => only === undefined && ['every part', 'exchange', 'control'].includes(part),
    )
    assert.deepEqual(
      wanted.map(([name]) => name).filter((name) => !exposed.has(name)),
      [],
    )
    assert.deepEqual(
      [...exposed].filter((name) => !Object.hasOwn(metricTable, name)),
      [],
    )
    assert.equal(valueOf(text, 'sallyport_ready'), 1)
    if (existsSync('/usr/bin/promtool')) {
      const { status, stdout } = spawnSync('/usr/bin/promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
      assert.equal(status, 0, stdout)
    }
  })

  await t.test('a flow moves the figures, its hops are told, and its trace has the id of its event', async () => {
    const before = valueOf(await scrape(), 'sallyport_exchange_flows_total')
    const page = execFileSync(
      'curl',
      ['-sS', '--proxy', `http://127.0.0.1:${agent.httpPort}`, 'http://wiki.acme.test/'],
      {
        encoding: 'utf8',
      },
    )
    assert.ok(page.length > 0)
    const after = await scrape()
    assert.ok(valueOf(after, 'sallyport_exchange_flows_total') > before)
    assert.match(after, /sallyport_exchange_hop_seconds_count\{hop="firstByte",kind="request"\} [1-9]/)
    while (!spans.some(({ name }) => name === 'request')) await delay(50)
    const traceId = spans.find(({ name }) => name === 'request')?.traceId ?? ''
    const { items } = await world.api().call('listEvents', { query: { limit: 100 } })
    const uids = items.map(({ event }) => (event['metadata'] as { uid: string }).uid.replaceAll('-', ''))
    assert.ok(uids.includes(traceId), 'the event of the trace is in the journal')
  })

  await t.test('why-slow tells the hops of a live flow', async () => {
    const { items } = await world.api().call('listFlows', { query: {} })
    const flow = items.find(({ hops }) => hops?.firstByte !== undefined)
    assert.ok(flow, JSON.stringify(items))
    const [command = '', ...args] = sallyportCommand([
      'why-slow',
      flow.flowId,
      '--profile',
      join(world.folder, 'acme.json'),
    ])
    const said = execFileSync(command, args, { encoding: 'utf8' })
    assert.match(said, new RegExp(`^${flow.flowId}: alice to wiki, live`))
    assert.match(said, /firstByte +\S+ m?s/)
  })

  await t.test('no tenant and no person is named', async () => {
    assert.doesNotMatch(await scrape(), /acme|globex|alice/i)
  })

  await t.test('a real Prometheus scrapes it and knows our rules', { skip: !hasPrometheus }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-prometheus-'))
    const port = await freePort()
    const rules = resolve('packaging/monitoring/alerts.yml')
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'sallyport', static_configs: [{ targets: [`127.0.0.1:${metricsPort}`] }] }],
    }
    writeFileSync(join(folder, 'config.yml'), JSON.stringify(config))
    const prometheus = spawn(
      '/usr/bin/prometheus',
      [
        `--config.file=${folder}/config.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    )
    try {
      const ask = async (query: string): Promise<unknown[]> => {
        const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`
        const answer = await fetch(url).catch(() => undefined)
        return answer?.ok === true ? ((await answer.json()) as { data: { result: unknown[] } }).data.result : []
      }
      const until = AbortSignal.timeout(60_000)
      while ((await ask('up == 1 and on() sallyport_ready == 1')).length === 0)
        await delay(200, undefined, { signal: until })
      assert.equal((await ask('sallyport_exchange_hop_seconds_count{hop="decide"}')).length > 0, true)
      const listed = (await (await fetch(`http://127.0.0.1:${port}/api/v1/rules`)).json()) as {
        data: { groups: { rules: unknown[] }[] }
      }
      assert.equal(listed.data.groups[0]?.rules.length, readFileSync(rules, 'utf8').match(/- alert:/g)?.length)
    } finally {
      const ended = once(prometheus, 'exit')
      prometheus.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    }
  })
  collector.close()
  collector.closeAllConnections()
})
