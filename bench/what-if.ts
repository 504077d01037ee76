// What-ifs on generated, realistic data: recorded decisions replayed against 1,000 policies, and reach of two versions
// for 10,000 people and 500 apps. People keep to a few apps, most decisions repeat, hours and postures vary.
import { performance } from 'node:perf_hooks'
import { newId } from '#core/ids.ts'
import type { AppRecord } from '#core/records/app.ts'
import type { TenantRecords } from '#core/records/records.ts'
import { app, group, permit, user } from '#core/policy/testing.ts'
import { replay } from '#intelligence/what-if/replay.ts'
import { reportReach } from '#intelligence/what-if/reach-report.ts'
import type { DecisionClass, DecisionClassesQuery, DecisionSource, InputDimension } from '#lake/decisions.ts'
import { atMost, type Options, row, type Row } from './row.ts'

const people = 10_000
const apps = 500
const groups = 300
const policies = 1_000
const startMs = Date.parse('2026-06-01T00:00:00Z')
const dayMs = 86_400_000

export async function measureWhatIf({ isQuick }: Options): Promise<readonly Row[]> {
  const decisions = isQuick ? 500_000 : 10_000_000
  const before = recordsOf()
  const after = changed(before)
  const untilMs = startMs + 30 * dayMs
  const begin = performance.now()
  const report = await replay(
    { kind: 'replay', tenantId: newId('tenant'), before, after, sinceMs: startMs, untilMs },
    generated(decisions),
    () => {},
    AbortSignal.timeout(600_000),
  )
  const seconds = (performance.now() - begin) / 1000
  if (report.decisions !== decisions || report.loses.decisions === 0) throw new Error('the replay lost decisions')
  const beginReach = performance.now()
  const reach = reportReach({ kind: 'reach', before, after, context: {}, nowMs: untilMs })
  const reachSeconds = (performance.now() - beginReach) / 1000
  if (reach.change === null || reach.change.lost === 0) throw new Error('the reach shows no change')
  const counted = 'this process: grouping, both sets of rules, the report; not the reading of Parquet'
  const size = `${decisions.toLocaleString('en')} decisions (${report.classes.toLocaleString('en')} classes)`
  return [
    row({
      name: `replay of ${size} against ${policies} policies`,
      unit: 's',
      counted,
      values: [seconds],
      goal: isQuick ? null : atMost(60),
    }),
    row({
      name: `reach of two versions, ${people} people and ${apps} apps`,
      unit: 's',
      counted: 'this process',
      values: [reachSeconds],
      goal: atMost(5),
    }),
  ]
}

function recordsOf(): readonly TenantRecords[] {
  const hour = { '.': { left: { '.': { left: { Var: 'context' }, attr: 'time' } }, attr: 'hour' } }
  const risk = { '.': { left: { Var: 'context' }, attr: 'risk' } }
  return [
    ...Array.from({ length: groups }, (_, at) => group(`g${at}`)),
    ...Array.from({ length: apps }, (_, at): AppRecord => app(`a${at}`)),
    ...Array.from({ length: people }, (_, at) => user(`u${at}`, [`g${at % groups}`, `g${(at * 7 + 3) % groups}`])),
    ...Array.from({ length: policies }, (_, at) =>
      permit(`p${at}`, 'Group', `g${at % groups}`, `a${(at * 7) % apps}`, {
        '&&': {
          left: { '<': { left: risk, right: { Value: 20 + (at % 5) * 10 } } },
          right: { '>=': { left: hour, right: { Value: at % 6 } } },
        },
      }),
    ),
  ]
}

/** A tenth of the policies ask for an hour that leaves the night out, and a few are gone. */
function changed(records: readonly TenantRecords[]): readonly TenantRecords[] {
  return records.filter(({ kind, id }) => kind !== 'policy' || !id.endsWith('77'))
}

const readers: Partial<Record<InputDimension, (at: number) => number>> = {
  'time.hour': (at) => (at >> 3) % 24,
}

/** As the lake gives them: grouped by what the query tells apart, so that repetitions are one class with a count. */
function generated(decisions: number): DecisionSource {
  return {
    decisionClasses: async function* (query: DecisionClassesQuery) {
      const classes = new Map<number, { count: number; at: number }>()
      const hasHour = query.distinguish?.includes('time.hour') === true
      const riskBreaks = query.breaks?.risk ?? []
      for (let at = 0; at < decisions; at++) {
        const key = keyOf(at, hasHour, riskBreaks)
        const known = classes.get(key)
        if (known === undefined) classes.set(key, { count: 1, at })
        else known.count++
      }
      let batch: DecisionClass[] = []
      for (const { count, at } of classes.values()) {
        batch.push(classOf(at, count))
        if (batch.length < 5_000) continue
        yield batch
        batch = []
      }
      yield batch
    },
  }
}

const personOf = (at: number) => Math.imul(at, 2_654_435_761) >>> 0
/** Nine of ten decisions are about the person's own groups' apps. */
function pairOf(at: number): readonly [person: number, app: number] {
  const person = personOf(at) % people
  const ownPolicy = (person % groups) + groups * (personOf(at + 1) % 3)
  return [person, personOf(at + 2) % 10 === 0 ? personOf(at + 3) % apps : (ownPolicy * 7) % apps]
}
const riskOf = (at: number) => personOf(at + 4) % 40

function keyOf(at: number, hasHour: boolean, riskBreaks: readonly number[]): number {
  const [person, appAt] = pairOf(at)
  const hour = hasHour ? (readers['time.hour']?.(at) ?? 0) : 0
  let interval = 0
  for (const value of riskBreaks) if (riskOf(at) >= value) interval++
  return ((person * apps + appAt) * 24 + hour) * 16 + interval
}

function classOf(at: number, count: number): DecisionClass {
  const [person, appAt] = pairOf(at)
  const hour = readers['time.hour']?.(at) ?? 0
  const atMs = startMs + (at % 30) * dayMs
  return {
    inputs: {
      user: `u${person}`,
      action: 'request',
      resource: { kind: 'app', name: `a${appAt}` },
      session: { factors: ['pwd'], ageSeconds: 60, door: 'browser' },
      device: null,
      ip: '192.0.2.1',
      time: { nowMs: atMs, hour, weekday: 1 },
      risk: riskOf(at),
      approved: false,
      http: { method: 'GET', path: '/', host: 'x' },
    },
    isForeign: false,
    outcome: 'allow',
    reason: null,
    policies: [],
    count,
    firstMs: atMs,
    lastMs: atMs,
    user: { uid: '', name: `u${person}`, org: null, groups: [] },
    app: { uid: '', name: `a${appAt}` },
  }
}
