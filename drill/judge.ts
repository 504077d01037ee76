// From what was seen to what was expected: each expectation met or not, with what was measured.
import type { DrillReport } from '#core/api/drill-routes.ts'
import { type Expectation, type Scenario, spanMs } from '#core/drill/scenario.ts'
import type { PlayRecord } from './play-record.ts'

type Outcome = DrillReport['outcomes'][number]

export function judge(scenario: Scenario, record: PlayRecord): DrillReport {
  const outcomes = scenario.expect.flatMap((expected) => outcomeOf(expected, record))
  const contained = [...record.contained.values()]
  const times = contained.flatMap(({ lastByteMs }) => lastByteMs).toSorted((a, b) => a - b)
  const firstSeen = [...record.seen.values()].toSorted((a, b) => a.atMs - b.atMs)[0]
  const { firstHostileMs } = record
  const hostileBefore = (atMs: number) => record.visits.filter((each) => each.hostile && each.atMs <= atMs).length
  return {
    verdict: outcomes.every(({ met }) => met) ? 'passed' : 'failed',
    outcomes,
    timeline: record.timeline,
    detectMs:
      firstSeen && firstHostileMs !== undefined ? Math.max(0, Math.round(firstSeen.atMs - firstHostileMs)) : null,
    decideMs: firstSeen && record.decided[0] ? Math.max(0, Math.round(record.decided[0].atMs - firstSeen.atMs)) : null,
    hopsUntilSeen: firstSeen ? hostileBefore(firstSeen.atMs) : null,
    containMs:
      times.length === 0
        ? null
        : { p50: at(times, 0.5), p99: at(times, 0.99), max: times.at(-1) ?? 0, paths: times.length },
    residual: contained.flatMap(({ residual }) => residual).slice(0, 100),
    receipts: contained
      .flatMap(({ effect }) => effect.receipts)
      .map(({ exchangeId, cutFlows }) => ({ exchangeId, cutFlows })),
    missing: contained.flatMap(({ effect }) => effect.missing),
  }
}

function outcomeOf(expected: Expectation, record: PlayRecord): Outcome[] {
  if ('detect' in expected) {
    const { actor, within, kinds } = expected.detect
    const seen = record.seen.get(actor)
    const ms = seen && record.firstHostileMs !== undefined ? seen.atMs - record.firstHostileMs : undefined
    const isKind = seen !== undefined && (kinds === undefined || kinds.includes(seen.kind))
    return [
      {
        expectation: `${actor} is noticed within ${within}${kinds ? ` as ${kinds.join(' or ')}` : ''}`,
        met: ms !== undefined && ms <= spanMs(within) && isKind,
        measured: ms === undefined ? 'not noticed' : `${Math.max(0, Math.round(ms))} ms, as ${seen?.kind ?? ''}`,
      },
    ]
  }
  if ('silent' in expected) {
    const seen = record.seen.get(expected.silent.actor)
    return [
      { expectation: `${expected.silent.actor} raises no alarm`, met: !seen, measured: seen ? seen.kind : 'none' },
    ]
  }
  if ('contain' in expected) return containOutcomes(expected.contain, record)
  if ('denied' in expected) {
    const { actor, apps } = expected.denied
    return apps.map((app) => {
      const visits = record.visits.filter((each) => each.actor === actor && each.app === app)
      const refused = visits.filter(({ done }) => !done)
      return {
        expectation: `${actor} is refused at ${app}`,
        met: visits.length > 0 && refused.length === visits.length,
        measured: `${refused.length} of ${visits.length} refused${refused[0] ? ` (${refused[0].reason})` : ''}`,
      }
    })
  }
  if ('collateral' in expected) {
    const cut = [...record.contained.values()].flatMap(({ effect }) => effect.receipts.map(({ cutFlows }) => cutFlows))
    const own = [...record.contained.values()].reduce((sum, { ownFlows }) => sum + ownFlows, 0)
    const others = Math.max(0, cut.reduce((sum, count) => sum + count, 0) - own)
    return [{ expectation: 'no flow of anybody else is cut', met: others === 0, measured: `${others} of others` }]
  }
  if ('answered' in expected)
    return record.injects.map(({ to, text, within, answeredMs }) => ({
      expectation: `${to} answers within ${within}: ${text}`.slice(0, 300),
      met: answeredMs !== null,
      measured: answeredMs === null ? 'no answer' : `after ${Math.round(answeredMs / 1000)} s`,
    }))
  // Known only when everything is undone: control says whether it is.
  return []
}

function containOutcomes(
  { actor, within, receipts, residual }: Extract<Expectation, { contain: unknown }>['contain'],
  record: PlayRecord,
): Outcome[] {
  const contained = record.contained.get(actor)
  if (!contained) return [{ expectation: `${actor} is contained`, met: false, measured: 'not contained' }]
  const times = contained.lastByteMs.toSorted((a, b) => a - b)
  const last = times.at(-1)
  const found: Outcome[] = [
    {
      expectation: `the last byte of ${actor} passes within ${within}`,
      met: last === undefined || last <= spanMs(within),
      measured: last === undefined ? 'no flow was live' : `${Math.round(last)} ms over ${times.length} paths`,
    },
  ]
  if (receipts === 'all')
    found.push({
      expectation: 'every exchange answers with a receipt',
      met: contained.effect.missing.length === 0 && contained.effect.receipts.length > 0,
      measured: `${contained.effect.receipts.length} answered, ${contained.effect.missing.length} did not`,
    })
  if (residual === 'none')
    found.push({
      expectation: `${actor} finds no way back in`,
      met: contained.residual.length === 0,
      measured: contained.residual.length === 0 ? 'none' : contained.residual.join(', '),
    })
  return found
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0
}
