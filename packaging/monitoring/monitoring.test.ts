// The example dashboard, alerts and scrape configuration: they parse, they fire, and they ask only for what exists.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { metricTable, type Family } from '#operations/metric-table.ts'

const folder = import.meta.dirname
const skip = !existsSync('/usr/bin/promtool') && 'promtool is not installed'
const promtool = (...args: string[]) => execFileSync('/usr/bin/promtool', args, { cwd: folder, stdio: 'pipe' })

type Dashboard = {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { expr: string }[] }[]
}
const dashboard = JSON.parse(readFileSync(join(folder, 'dashboard.json'), 'utf8')) as Dashboard
const alerts = readFileSync(join(folder, 'alerts.yml'), 'utf8')
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

const exposed = new Set(
  Object.entries<Family>(metricTable).flatMap(([name, { type }]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
)

test('rules and scrape configuration are valid', { skip }, () => {
  promtool('check', 'rules', 'alerts.yml')
  promtool('check', 'config', 'prometheus.yml')
})

test('each alert fires on its trouble and is silent without it', { skip }, () => {
  promtool('test', 'rules', 'alerts.test.yml')
})

test('alerts and dashboard ask for no metric that no part has', () => {
  const asked = [...expressions, alerts].flatMap((text) => text.match(/\b(?:sallyport|process)_[a-z_]+\b/g) ?? [])
  assert.ok(asked.length > 30)
  assert.deepEqual(
    asked.filter((name) => !exposed.has(name) && !/^sallyport_token$/.test(name)),
    [],
  )
})

test('each expression of the dashboard is one that Prometheus understands', { skip }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'sallyport-dashboard-'))
  try {
    const rules = expressions.map((expr, at) => ({ record: `dashboard:${at}`, expr }))
    writeFileSync(join(scratch, 'rules.json'), JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
    const { status, stderr } = spawnSync('/usr/bin/promtool', ['check', 'rules', 'rules.json'], { cwd: scratch })
    assert.equal(status, 0, String(stderr))
  } finally {
    rmSync(scratch, { recursive: true })
  }
})
