// Parts of a drill by themselves: the shipped scenarios are sound, paces are as asked for, and judging is not kind.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { scenario as scenarioSchema, spanMs, unknownHandles } from '#core/drill/scenario.ts'
import { shippedScenarios } from '#cli/scenarios.ts'
import { judge } from './judge.ts'
import { nextPauseMs } from './pace.ts'
import type { PlayRecord } from './play-record.ts'
import { reportPage } from './report-page.ts'

const empty = (): PlayRecord => ({
  timeline: [],
  visits: [],
  injects: [],
  firstHostileMs: undefined,
  seen: new Map(),
  decided: [],
  contained: new Map(),
})
const base = shippedScenarios().find(({ level }) => level === 'live')
assert.ok(base)
const withExpect = (expect: unknown) => scenarioSchema.parse({ ...base, expect })
const actor = Object.keys(base.actors)[0] ?? ''

describe('the shipped scenarios', () => {
  const all = shippedScenarios()
  it('are at least ten, of which some must not alarm', () => {
    assert.ok(all.length >= 10, String(all.length))
    assert.ok(all.some(({ expect }) => expect.some((each) => 'silent' in each)))
    assert.equal(new Set(all.map(({ drill }) => drill)).size, all.length)
  })
  for (const each of all)
    it(`${each.drill} names only its own actors and apps, and ends within its time`, () => {
      assert.deepEqual(unknownHandles(each), [])
      const least = each.steps.reduce(
        (sum, step) => sum + ('hop' in step ? step.hop.apps.length * spanMs(step.hop.pace.median) : 0),
        0,
      )
      assert.ok(least < spanMs(each.within))
      for (const { open } of Object.values(each.apps)) for (const name of open) assert.ok(name in each.actors)
    })
})

describe('a scenario', () => {
  it('of unknown keys, bad spans, or names that are not its own is refused', () => {
    assert.equal(scenarioSchema.safeParse({ ...base, extra: 1 }).success, false)
    assert.equal(scenarioSchema.safeParse({ ...base, within: 'soon' }).success, false)
    assert.equal(scenarioSchema.safeParse({ ...base, steps: [{ dance: {} }] }).success, false)
    const stray = { ...base, steps: [{ hop: { actor: 'nobody', apps: ['nowhere'], pace: { median: '1s' } } }] }
    assert.deepEqual(unknownHandles(scenarioSchema.parse(stray)), ['nobody', 'nowhere'])
    const inherited = {
      ...base,
      steps: [{ hop: { actor: 'constructor', apps: ['tostring'], pace: { median: '1s' } } }],
    }
    assert.deepEqual(unknownHandles(scenarioSchema.parse(inherited)), ['constructor', 'tostring'])
  })
})

describe('a pace', () => {
  it('has the median that was asked for, and no jitter is a clock', () => {
    assert.equal(nextPauseMs({ median: '200ms', jitter: 0 }, Math.random), 200)
    let state = 7
    const random = () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647
    const pauses = Array.from({ length: 4001 }, () => nextPauseMs({ median: '2s', jitter: 0.5 }, random))
    const median = pauses.toSorted((a, b) => a - b)[2000] ?? 0
    assert.ok(median > 1850 && median < 2150, String(median))
    assert.ok(pauses.every((each) => each > 0 && Number.isFinite(each)))
  })
})

describe('judging', () => {
  it('fails what was not noticed, noticed late, or noticed as something else', () => {
    const expected = withExpect([{ detect: { actor, within: '10s', kinds: ['car-park'] } }])
    assert.equal(judge(expected, empty()).verdict, 'failed')
    const seen = (atMs: number, kind: string): PlayRecord => ({
      ...empty(),
      firstHostileMs: 1000,
      seen: new Map([[actor, { atMs, kind, sentence: '', subject: '' }]]),
    })
    assert.equal(judge(expected, seen(9000, 'car-park')).verdict, 'passed')
    assert.equal(judge(expected, seen(12_000, 'car-park')).verdict, 'failed')
    assert.equal(judge(expected, seen(9000, 'other')).verdict, 'failed')
  })
  it('fails a containment that never was, that left a way back in, or that an exchange did not confirm', () => {
    const expected = withExpect([{ contain: { actor, within: '1s', receipts: 'all', residual: 'none' } }])
    assert.equal(judge(expected, empty()).verdict, 'failed')
    const contained = (lastByteMs: number[], residual: string[], missing: string[]): PlayRecord => ({
      ...empty(),
      contained: new Map([
        [
          actor,
          { lastByteMs, residual, ownFlows: 1, effect: { receipts: [{ exchangeId: 'x', cutFlows: 1 }], missing } },
        ],
      ]),
    })
    assert.equal(judge(expected, contained([20, 900], [], [])).verdict, 'passed')
    assert.equal(judge(expected, contained([20, 1900], [], [])).verdict, 'failed')
    assert.equal(judge(expected, contained([20], ['who am I'], [])).verdict, 'failed')
    assert.equal(judge(expected, contained([20], [], ['exc_1'])).verdict, 'failed')
  })
  it('fails a refusal that was never tried, an alarm where there must be none, and a flow of somebody else', () => {
    assert.equal(
      judge(withExpect([{ denied: { actor, apps: Object.keys(base.apps).slice(0, 1) } }]), empty()).verdict,
      'failed',
    )
    const alarmed = { ...empty(), seen: new Map([[actor, { atMs: 1, kind: 'x', sentence: '', subject: '' }]]) }
    assert.equal(judge(withExpect([{ silent: { actor } }]), alarmed).verdict, 'failed')
    const effect = { receipts: [{ exchangeId: 'x', cutFlows: 3 }], missing: [] }
    const cut = { ...empty(), contained: new Map([[actor, { lastByteMs: [1, 2], residual: [], ownFlows: 2, effect }]]) }
    assert.equal(judge(withExpect([{ collateral: 'none' }]), cut).verdict, 'failed')
  })
})

describe('the report', () => {
  it('shows hostile text as text', () => {
    const hostile = '<script>alert(1)</script>"\'&'
    const report = { ...judge(base, empty()), timeline: [{ atMs: 1, text: hostile }], residual: [hostile] }
    const page = reportPage({
      drill: {
        id: 'drl_x',
        name: 'x',
        version: 1,
        title: hostile,
        level: 'live',
        state: 'ended',
        startedBy: hostile,
        startedAt: '2026-01-01T00:00:00Z',
        endsAt: '2026-01-01T00:00:00Z',
        endedAt: null,
        endReason: hostile,
        verdict: 'failed',
        techniques: [],
        detectMs: null,
        containMs: null,
      },
      scenario: { ...base, title: hostile, about: hostile },
      report,
      restored: false,
    })
    assert.equal(page.includes('<script>'), false)
    assert.ok(page.includes('&lt;script&gt;'))
  })
})
