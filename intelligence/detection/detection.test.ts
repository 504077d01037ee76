import assert from 'node:assert/strict'
import { test } from 'node:test'
import { riskOf } from './risk.ts'
import { DAY_MS, eventOf, type Happening, HOUR_MS, officeDays, stageOf, startMs } from './testing.ts'
import { levels } from './kinds.ts'
import { budgetsFor, thresholdsOf } from './thresholds.ts'
import { teach } from './verdict.ts'
import { observe } from './observation.ts'
import { serialize } from 'node:v8'

const attackMs = startMs + 15 * DAY_MS + 10 * HOUR_MS

function walk(user: string, apps: readonly string[], from: Partial<Happening> = {}): readonly Happening[] {
  return apps.map((app, at) => ({
    user,
    group: 'g1',
    timeMs: attackMs + at * 120_000,
    app,
    device: 'laptop-1',
    ...from,
  }))
}
const strange = ['g0-app-1', 'g2-app-3', 'g3-app-0', 'g4-app-2', 'g2-app-5', 'g0-app-4', 'g3-app-3']

test('notices the person who walks from app to app, and says why', () => {
  const stage = stageOf()
  stage.play(...officeDays(100, 15), ...walk('u1', strange))
  assert.equal(stage.stories.length, 1)
  const [story] = stage.stories
  assert.equal(story?.subject, 'u1')
  assert.match(story?.kind ?? '', /^car-park/)
  assert.match(story?.sentence ?? '', /u1 went to \d apps they never used/)
  assert.ok((story?.events.length ?? 0) >= 3 && (story?.events.length ?? 9) <= 5)
  assert.ok((story?.last_ms ?? 0) <= attackMs + 4 * 120_000)
})

test('tells one story per subject and day, however long the walk', () => {
  const stage = stageOf()
  const apps = Array.from({ length: 40 }, (_, at) => `unknown-${at}`)
  stage.play(...officeDays(100, 15), ...walk('u1', apps))
  assert.equal(stage.stories.length, 1)
})

test('tells nothing while it learns', () => {
  const stage = stageOf({ warmupDays: 30 })
  stage.play(...officeDays(100, 15), ...walk('u1', strange))
  assert.deepEqual(stage.stories, [])
})

test('the Monday when everyone opens a new app is no story', () => {
  const stage = stageOf()
  const monday = Array.from({ length: 300 }, (_, user) => ({
    user: `u${user}`,
    group: `g${user % 5}`,
    timeMs: attackMs + user * 5000,
    app: 'the-new-app',
  }))
  stage.play(...officeDays(300, 15), ...monday)
  assert.deepEqual(stage.stories, [])
})

test('a user given new groups who opens the apps of those peers is no story', () => {
  const stage = stageOf()
  const apps = Array.from({ length: 6 }, (_, at) => `g3-app-${at}`)
  stage.play(...officeDays(100, 15), ...walk('u1', apps, { group: 'g3' }))
  assert.deepEqual(stage.stories, [])
})

test('a decoy is a story at the first touch', () => {
  const stage = stageOf({ decoys: ['payroll-archive-2019'] })
  stage.play(...officeDays(100, 15), ...walk('u1', ['payroll-archive-2019']))
  assert.deepEqual(
    stage.stories.map(({ kind, level }) => [kind, level]),
    [['decoy', 'contain']],
  )
})

test('a session that goes on from another device and network is a story', () => {
  const stage = stageOf()
  const stolen = { session: 's-1-15', device: 'elsewhere', ip: '203.0.113.9' }
  stage.play(...officeDays(300, 15))
  stage.play({ user: 'u1', group: 'g1', timeMs: attackMs, app: 'g1-app-0', session: 's-1-15', device: 'laptop-1' })
  stage.play(
    ...walk('u1', ['g1-app-0', 'g1-app-1', 'g1-app-2'], { ...stolen }).map((each) => ({
      ...each,
      timeMs: each.timeMs + 60_000,
    })),
  )
  assert.equal(stage.stories.length, 1)
  assert.match(stage.stories[0]?.sentence ?? '', /one session on two devices/)
})

test('many users failing from one source name the source; an office that also gets in does not', () => {
  const stage = stageOf()
  stage.play(...officeDays(200, 15))
  const tries = (ip: string, entered: number): readonly Happening[] =>
    Array.from({ length: 60 }, (_, user) => ({
      user: `u${user}`,
      timeMs: attackMs + user * 10_000,
      classUid: 3002,
      isDenied: user >= entered,
      ip,
    }))
  stage.play(...tries('203.0.113.66', 0))
  stage.detection.finish()
  assert.deepEqual(
    stage.stories.map(({ kind, subject }) => [kind, subject]),
    [['password-spray', '203.0.113.66']],
  )
  const office = stageOf()
  office.play(...officeDays(200, 15), ...tries('198.51.100.4', 45))
  office.detection.finish()
  assert.deepEqual(office.stories, [])
})

test('much more than usual is a story, and names the amount', () => {
  const stage = stageOf()
  stage.play(...officeDays(100, 15))
  stage.play(
    ...Array.from({ length: 100 }, (_, at) => ({
      user: 'u1',
      group: 'g1',
      timeMs: attackMs + at * 10_000,
      app: 'g1-app-0',
      bytesIn: 8_000_000,
    })),
  )
  assert.equal(stage.stories[0]?.kind, 'mass-download')
  assert.match(stage.stories[0]?.sentence ?? '', /u1 received \d+ MB in an hour/)
})

test('hostile names stay one line of plain text in a story', () => {
  const stage = stageOf()
  const apps = strange.map((_, at) => `\u001b[31mx${at}\n\u202egpj.exe`)
  stage.play(...officeDays(100, 15), ...walk('u1', apps))
  assert.equal(stage.stories.length, 1)
  assert.doesNotMatch(stage.stories[0]?.sentence ?? '', /[\u0000-\u001f\u202e]/)
})

test('a flood of made-up users and apps leaves memory bounded', () => {
  const stage = stageOf()
  stage.play({ user: 'u', timeMs: startMs, app: 'a' })
  for (let each = 0; each < 30_000; each++)
    stage.play({
      user: `nobody-${each}`,
      timeMs: startMs + each,
      classUid: 3002,
      isDenied: true,
      ip: `203.${each % 250}.1.${each % 199}`,
    })
  assert.equal(stage.state.tenant.people.size, 1)
  for (let each = 0; each < 30_000; each++)
    stage.play({ user: 'u', timeMs: startMs + 40_000 + each, app: `app-${each}` })
  assert.ok(stage.state.tenant.appNames.length <= 20_001)
  assert.ok(stage.state.tenant.dropped.apps > 0)
})

test('a user with more apps, networks, devices and operations than fit costs at most 4 KB', () => {
  const stage = stageOf()
  for (let each = 0; each < 3000; each++)
    stage.play({
      user: 'u1',
      group: `g${each % 40}`,
      timeMs: startMs + each * 600_000,
      app: `app-${each % 900}`,
      ip: `203.${each % 250}.0.1`,
      device: `device-${each % 40}`,
      isDenied: each % 3 === 0,
    })
  const person = stage.state.tenant.people.get('u1')
  assert.ok(person)
  // The text of sentences is shared with nothing; it is counted apart, at two bytes a character.
  const { evidence, ...rest } = person
  const bytes = serialize(rest).byteLength + evidence.length * 64
  assert.ok(bytes <= 4096, `${bytes} bytes`)
})

test('slow drift cannot teach that a walk is usual: one day moves the own record by a bounded step', () => {
  const stage = stageOf()
  stage.play(...officeDays(100, 10))
  const poison: Happening[] = []
  for (let day = 10; day < 15; day++)
    for (let each = 0; each < 60; each++)
      poison.push({
        user: 'u1',
        group: 'g1',
        timeMs: startMs + day * DAY_MS + 9 * HOUR_MS + each * 1000,
        app: `p${day}-${each}`,
      })
  stage.play(...poison)
  const person = stage.state.tenant.people.get('u1')
  assert.ok(person && person.novelty < 30, `${person?.novelty}`)
})

test('an exception silences one subject and ends; one without an end or a subject is none', () => {
  const stage = stageOf()
  stage.play(...officeDays(100, 15))
  const exception = { id: 'x', subject: 'u1', kind: '', reason: 'moves to a new team', untilMs: attackMs + DAY_MS / 2 }
  const endless = { ...exception, id: 'y', untilMs: Date.now() + 400 * DAY_MS }
  const global = { ...exception, id: 'z', subject: '' }
  teach(stage.state, { verdicts: [], exceptions: [exception, endless, global] })
  assert.deepEqual([...stage.state.exceptions.keys()], ['x'])
  stage.play(...walk('u1', strange))
  assert.deepEqual(stage.stories, [])
  const later = strange.map((app) => `again-${app}`)
  stage.play(...walk('u1', later).map((each) => ({ ...each, timeMs: each.timeMs + DAY_MS })))
  assert.equal(stage.stories.length, 1)
})

test('what is expected is no part of the risk any more, and verdicts move a threshold within bounds', () => {
  const stage = stageOf()
  stage.play(...officeDays(100, 15), ...walk('u1', strange, { session: 's', ip: '203.0.113.9' }))
  const nowMs = attackMs + HOUR_MS
  const before = riskOf(stage.state, { kind: 'user', id: 'u1' }, nowMs).points
  const exception = { id: 'x', subject: 'u1', kind: '', reason: 'a new task', untilMs: nowMs + DAY_MS }
  assert.deepEqual(teach(stage.state, { verdicts: [], exceptions: [exception] }), ['u1'])
  assert.ok(riskOf(stage.state, { kind: 'user', id: 'u1' }, nowMs).points < before)

  const storyRank = levels.indexOf('restrict')
  const after = (verdicts: Parameters<typeof teach>[1]['verdicts']) => {
    teach(stage.state, { verdicts, exceptions: [] })
    return thresholdsOf(stage.state, budgetsFor(1))['car-park'][storyRank] ?? 0
  }
  const untaught = after([])
  assert.ok(after([{ kind: 'car-park', wasTrue: 0, wasOdd: 40 }]) >= untaught)
  assert.ok(after([{ kind: 'car-park', wasTrue: 40, wasOdd: 0 }]) <= untaught)
  const many = after([{ kind: 'car-park', wasTrue: 0, wasOdd: 1e9 }])
  assert.ok(many - untaught < 2, `a flood of verdicts moves it by ${many - untaught} decades`)
})

test('risk is the sum of the parts shown, fades, and is nothing for strangers', () => {
  const stage = stageOf()
  stage.play(...officeDays(100, 15), ...walk('u1', strange, { session: 's', ip: '203.0.113.9' }))
  const nowMs = attackMs + HOUR_MS
  const risk = riskOf(stage.state, { kind: 'user', id: 'u1' }, nowMs)
  assert.ok(risk.points >= 25 && risk.level !== 'low')
  assert.equal(
    Math.min(
      100,
      risk.parts.reduce((sum, { points }) => sum + points, 0),
    ),
    risk.points,
  )
  assert.ok(risk.parts.every(({ sentence }) => sentence.length > 0))
  assert.ok(riskOf(stage.state, { kind: 'user', id: 'u1' }, nowMs + 3 * DAY_MS).points < risk.points / 4)
  assert.deepEqual(riskOf(stage.state, { kind: 'user', id: 'nobody' }, nowMs), { points: 0, level: 'low', parts: [] })
  assert.ok(riskOf(stage.state, { kind: 'device', id: 'laptop-1' }, nowMs).points >= 25)
})

test('events of every class without a user, an app or an address do no harm', () => {
  const stage = stageOf()
  for (const class_uid of [3002, 3003, 4001, 4002, 6003, 2004]) {
    const observation = observe({ class_uid, time: startMs }, 'x')
    if (typeof observation === 'object') stage.detection.observe(observation)
    const { actor } = eventOf({ user: 'u1', timeMs: startMs })
    const bare = observe({ class_uid, time: startMs, actor }, 'x')
    if (typeof bare === 'object') stage.detection.observe(bare)
  }
  assert.deepEqual(stage.stories, [])
})
