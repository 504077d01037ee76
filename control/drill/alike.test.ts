// A drill is not to be told from ordinary work by the events of control: a classifier that learns from half of them does no
// better on the other half than one that guesses. Taught on names and values alike, ids and times apart.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addTenantWithAdministrator, newCsr, startTestControl } from '#control/testing.ts'
import { openDevice } from '#control/api/handlers/enrolment.ts'
import { smallScenario } from './testing.ts'

const EACH = 24

type Event = Readonly<Record<string, unknown>>

/** `path=value`; what is different for everybody becomes its form. */
function featuresOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => featuresOf(item, `${path}[]`))
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, inner]) => featuresOf(inner, `${path}.${key}`))
  if (typeof value === 'number') return [`${path}=${value > 1e9 ? 'time' : value}`]
  const form = String(value)
    .replaceAll(/\b([a-z]{3})_[a-z2-7]{20}\b/g, '$1_')
    .replaceAll(/[a-z]{2,}\.[a-z]{2,}(-\d+)?/g, 'name')
  return [path, `${path}=${form}`]
}

/** Naive Bayes with add-one smoothing: how likely an event is of the second class rather than the first. */
function learn(examples: readonly (readonly [features: readonly string[], label: 0 | 1])[]) {
  const counts = [new Map<string, number>(), new Map<string, number>()] as const
  const totals = [0, 0]
  for (const [features, label] of examples) {
    totals[label] = (totals[label] ?? 0) + 1
    for (const feature of new Set(features)) counts[label].set(feature, (counts[label].get(feature) ?? 0) + 1)
  }
  const share = (label: 0 | 1, feature: string) => ((counts[label].get(feature) ?? 0) + 1) / ((totals[label] ?? 0) + 2)
  return (features: readonly string[]) =>
    [...new Set(features)].reduce((sum, feature) => sum + Math.log(share(1, feature) / share(0, feature)), 0)
}

test('a classifier trained on the events of control stays at chance', async () => {
  await using control = await startTestControl()
  const acme = await addTenantWithAdministrator(control, 'acme', 'boss.chief')
  const { context } = control
  const call = (path: string, body?: unknown) => control.call(`/v1/tenants/acme${path}`, { token: acme.token, body })
  const people = Array.from({ length: EACH }, (_, at) => `ada.lovelace${'abcdefghijklmnopqrstuvwxyz'.charAt(at)}`)
  await call('/apply', { documents: people.map((name) => ({ kind: 'User', name, spec: {} })) })
  const mirror = await context.mirrors.current(acme.id)
  const ordinary = people.map((name) => mirror.byName('user', name)?.id ?? '')
  const drilled: string[] = []
  for (let at = 0; at < EACH; at++) {
    const started = await call('/drills', { scenario: smallScenario, ports: { notes: 4001, safe: 4002 } })
    assert.equal(started.status, 201, started.text)
    drilled.push(started.body.actors.thief.userId)
    const device = { csrPem: (await newCsr()).csrPem, name: 'laptop-7', os: 'linux x64' }
    const opened = await call(`/drills/${started.body.drill.id}/devices`, { actor: 'thief', ...device })
    assert.equal(opened.status, 201, opened.text)
    await openDevice(
      {
        tenantId: acme.id,
        userId: ordinary[at] ?? '',
        ...device,
        csrPem: (await newCsr()).csrPem,
        factors: ['pwd', 'otp'],
        ip: '127.0.0.1',
        expiresAtMs: context.nowMs() + 60_000,
        before: async () => {},
        after: async () => {},
      },
      context,
    )
    await control.call(`/v1/tenants/acme/drills/${started.body.drill.id}`, { token: acme.token, method: 'DELETE' })
  }
  const eventsOf = async (userIds: readonly string[]) => {
    const found: Event[] = []
    for (const uid of userIds) {
      const { items } = await context.journal.list(acme.id, { limit: 100, fields: { 'actor.user.uid': uid } })
      // What ends a drill is told afterwards, by intent.
      found.push(...items.map(({ event }) => event).filter((event) => !JSON.stringify(event).includes('user-removed')))
    }
    return found.map((event) => featuresOf(event))
  }
  const [zero, one] = [await eventsOf(ordinary), await eventsOf(drilled)]
  assert.ok(zero.length >= EACH && one.length >= EACH, `${zero.length} and ${one.length}`)
  const half = (list: readonly (readonly string[])[], odd: number) => list.filter((_, at) => at % 2 === odd)
  const score = learn([
    ...half(zero, 0).map((features) => [features, 0] as const),
    ...half(one, 0).map((features) => [features, 1] as const),
  ])
  const [ofZero, ofOne] = [half(zero, 1).map(score), half(one, 1).map(score)]
  // The area under its curve: how often a drill's event is ranked above an ordinary one; a half is a guess.
  let above = 0
  for (const a of ofOne) for (const b of ofZero) above += a > b ? 1 : a === b ? 0.5 : 0
  const area = above / (ofOne.length * ofZero.length)
  assert.ok(area > 0.25 && area < 0.75, `area ${area}`)
})
