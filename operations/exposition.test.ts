// The text that scrapers read, judged by promtool where it is installed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { expose } from './exposition.ts'
import { Histogram } from './histogram.ts'
import { metricTable, type Family } from './metric-table.ts'

const PROMTOOL = '/usr/bin/promtool'

test('a label value cannot end its line, nor begin a sample of its own', () => {
  const tenant = 'a"} 1\nsallyport_exchange_tenants 99\n\\'
  const text = expose([{ name: 'sallyport_exchange_tenant_live_flows', labels: { tenant }, value: 1 }], 'text')
  assert.deepEqual(
    text.split('\n').filter((line) => !line.startsWith('#')),
    [`sallyport_exchange_tenant_live_flows{tenant="a\\"} 1\\nsallyport_exchange_tenants 99\\n\\\\"} 1`, ''],
  )
})

test('a histogram counts each observation in every bucket that holds it', () => {
  const histogram = new Histogram()
  for (const seconds of [0.0004, 0.03, 100]) histogram.observe(seconds)
  const { buckets, count, sum } = histogram.value
  assert.deepEqual(buckets.at(0), [0.0005, 1])
  assert.deepEqual(buckets.at(-2), [10, 2])
  assert.deepEqual(buckets.at(-1), [Infinity, 3])
  assert.deepEqual([count, Math.round(sum)], [3, 100])
})

test('every family of the table is text that promtool takes', { skip: !existsSync(PROMTOOL) }, () => {
  const samples = Object.entries<Family>(metricTable).map(([name, { type, labels }]) => ({
    name: name as keyof typeof metricTable,
    labels: Object.fromEntries(Object.keys(labels ?? {}).map((label) => [label, 'x'])),
    value: type === 'histogram' ? new Histogram().value : 1,
  }))
  const { status, stderr, stdout } = spawnSync(PROMTOOL, ['check', 'metrics'], {
    input: expose(samples, 'text'),
    encoding: 'utf8',
  })
  // What it warns of must be a choice: the count of failures in a row goes back to 0, so it is a gauge.
  assert.equal(`${stdout}${stderr}`, '')
  assert.equal(status, 0)
})

test('OpenMetrics names the family of a counter without its suffix and says where the text ends', () => {
  const text = expose([{ name: 'sallyport_exchange_flows_total', value: 3 }], 'openmetrics')
  assert.match(text, /^# HELP sallyport_exchange_flows /)
  assert.match(text, /\nsallyport_exchange_flows_total 3\n# EOF\n$/)
})
