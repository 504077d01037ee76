// Why one flow was slow: its hops beside what the same app's flows usually take, and the hop to look at. Must never call a
// hop guilty that took no more than it usually does.
import { hopMeanings, hopNames, type HopName, type HopTimes } from '#core/wire/hops.ts'

export type HopRow = {
  readonly hop: HopName
  readonly ms: number
  /** Median of the same app's other flows; null: nothing to compare with. */
  readonly usualMs: number | null
  readonly where: string
  readonly waitsFor: string
}

export type Slowness = {
  readonly rows: readonly HopRow[]
  readonly totalMs: number
  /** The hop that took the most beyond its usual time; null: none stands out. */
  readonly culprit: HopName | null
  readonly sentence: string
}

/** Less than this beyond the usual is the weather. */
const STANDS_OUT_MS = 20

export function explainSlowness(times: HopTimes, others: readonly HopTimes[]): Slowness {
  const rows = hopNames.flatMap((hop): HopRow[] => {
    const ms = times[hop]
    return ms === undefined
      ? []
      : [{ hop, ms, usualMs: median(others.map((other) => other[hop])), ...hopMeanings[hop] }]
  })
  const beyond = (row: HopRow) => row.ms - (row.usualMs ?? 0)
  const [worst] = rows.toSorted((left, right) => beyond(right) - beyond(left))
  // Those of a sealed flow overlap; the longest of them counts.
  const isSealed = times.claim !== undefined
  const overlap = isSealed ? rows.filter(({ hop }) => hop === 'claim' || hop === 'handshake' || hop === 'app') : []
  const totalMs =
    rows.reduce((sum, row) => sum + (overlap.includes(row) ? 0 : row.ms), 0) +
    Math.max(0, ...overlap.map(({ ms }) => ms))
  if (worst === undefined)
    return { rows, totalMs, culprit: null, sentence: 'Nothing was measured: it did not come through to its app.' }
  if (beyond(worst) < STANDS_OUT_MS)
    return {
      rows,
      totalMs,
      culprit: null,
      sentence: 'No hop stands out: opening it took no longer than it usually does.',
    }
  return { rows, totalMs, culprit: worst.hop, sentence: sentenceOn(worst) }
}

function sentenceOn({ hop, ms, usualMs, where, waitsFor }: HopRow): string {
  const usual = usualMs === null ? '' : `; usually ${text(usualMs)}`
  return `Look at ${where}: ${text(ms)} went by waiting for ${waitsFor.replace(/;.*$/, '')}${usual} (hop "${hop}").`
}

function median(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined).toSorted((left, right) => left - right)
  return known[Math.floor(known.length / 2)] ?? null
}

export function text(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}
