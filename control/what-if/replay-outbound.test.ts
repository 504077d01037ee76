// Previews cover the way to the internet as they cover apps: decisions about destinations are replayed with the categories
// that were recorded, and are unknown where a policy asks for a category that nobody wrote down.
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import { addTenantWithAdministrator, startTestControl, type TestControl } from '#control/testing.ts'
import { startWhatIf, type WhatIf } from '#intelligence/what-if/what-if.ts'

let control: TestControl
let whatIf: WhatIf
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
const policy = (name: string, text: string) => ({ kind: 'Policy', name, spec: { text } })
const browse = policy(
  'browse',
  'permit (principal in Group::"staff", action in [Action::"browse", Action::"download"], resource);',
)
const call = (path: string, body?: unknown) =>
  control.call(`/v1/tenants/acme${path}`, { token: acme.token, ...(body !== undefined && { body }) })

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-replay-outbound-'))
  whatIf = startWhatIf({ journalRoot: join(folder, 'journal') })
  control = await startTestControl({ whatIf }, folder)
  acme = await addTenantWithAdministrator(control, 'acme')
  const tree = [
    { kind: 'Group', name: 'staff', spec: {} },
    { kind: 'User', name: 'ada', spec: { groups: ['staff'] } },
    { kind: 'Category', name: 'gambling', spec: { hosts: ['bets.example'] } },
    browse,
  ]
  const applied = await call('/apply', { documents: tree })
  assert.equal(applied.status, 200, applied.text)
  for (const [host, categories, count] of [
    ['bets.example', ['gambling'], 3],
    ['news.example', ['news'], 2],
    ['old.example', undefined, 4],
  ] as const)
    for (let n = 0; n < count; n++) await decided(host, categories)
})
after(async () => {
  await whatIf.close()
  await control.close()
})

async function decided(host: string, categories: readonly string[] | undefined): Promise<void> {
  const timeMs = Date.now() - 1000
  const inputs = {
    user: 'ada',
    action: 'browse',
    resource: { kind: 'destination', host, ...(categories && { categories }) },
    session: { factors: ['pwd'], ageSeconds: 60, door: 'agent' },
    device: { id: 'dev_1', posture: 2, os: 'linux' },
    ip: '192.0.2.9',
    time: { nowMs: timeMs, hour: 10, weekday: 1 },
    risk: 0,
    approved: false,
    http: { method: 'GET', path: '/', host },
  }
  await control.context.journal.record(
    acme.id,
    journalEvent('http', 'get', {
      uid: newId('event'),
      timeMs,
      tenantId: acme.id,
      outcome: 'success',
      user: { uid: 'usr_ada', name: 'ada' },
      destination: { host, port: 443 },
      decision: { kind: 'allow', policies: [{ id: 'p', name: 'browse' }], inputs },
    }),
  )
}

async function replayed(documents: readonly object[]) {
  const started = await call('/policy/jobs', { kind: 'replay', documents, sinceSeconds: 3600 })
  assert.equal(started.status, 202, started.text)
  for (;;) {
    const { body } = await call(`/policy/jobs/${started.body.id}`)
    assert.notEqual(body.status, 'failed', JSON.stringify(body.error))
    if (body.status === 'done') return body.replay
    await wait(20)
  }
}

test('a forbidden category shows who loses which destination, and what was not recorded is unknown', async () => {
  const forbid = policy('no bets'.replace(' ', '-'), 'forbid (principal, action, resource in Category::"gambling");')
  const report = await replayed([forbid])
  assert.equal(report.decisions, 9)
  assert.equal(report.loses.decisions, 3, JSON.stringify(report.loses))
  assert.deepEqual(
    report.loses.rows.map(({ user, app }: { user: string; app: string }) => [user, app]),
    [['ada', 'bets.example']],
  )
  assert.equal(report.unknown.decisions, 4, JSON.stringify(report.unknown))
  assert.match(report.unknown.why[0].why, /category/)
})

test('a change that asks for no category leaves nothing unknown', async () => {
  const less = policy('browse', 'permit (principal in Group::"staff", action == Action::"download", resource);')
  const report = await replayed([less])
  assert.equal(report.loses.decisions, 9)
  assert.equal(report.unknown.decisions, 0)
})
