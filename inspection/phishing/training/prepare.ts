// Turns rows into what the learners take: hashed n-grams, letter statistics, top-level risk, dense features and weights.
// Statistics are made from the chosen training rows only: a test row must never have touched them.
import type { Address } from '#inspection/phishing/address.ts'
import { featureCount } from '#inspection/phishing/feature-table.ts'
import { fillFeatures, type Statistics } from '#inspection/phishing/features.ts'
import { brandFinder } from '#inspection/phishing/imitation.ts'
import { NameModel, trainNameModel } from '#inspection/phishing/name-model.ts'
import { hashGrams, newGrams } from '#inspection/phishing/ngrams.ts'
import type { GramRows } from './logistic.ts'
import type { UrlRow } from './sources.ts'
import type { Table } from './trees.ts'

export type Grams = { readonly host: GramRows; readonly path: GramRows }

export function gramsOf(rows: readonly UrlRow[]): Grams {
  const scratch = newGrams()
  const [hostStarts, pathStarts] = [new Uint32Array(rows.length + 1), new Uint32Array(rows.length + 1)]
  const [host, path] = [new Growable(), new Growable()]
  rows.forEach(({ address }, at) => {
    hashGrams(address, scratch)
    host.push(scratch.host.subarray(0, scratch.hostCount))
    path.push(scratch.path.subarray(0, scratch.pathCount))
    hostStarts[at + 1] = host.length
    pathStarts[at + 1] = path.length
  })
  return { host: { starts: hostStarts, grams: host.taken() }, path: { starts: pathStarts, grams: path.taken() } }
}

class Growable {
  #held = new Uint32Array(1 << 20)
  length = 0
  push(more: Uint32Array): void {
    if (this.length + more.length > this.#held.length) {
      const larger = new Uint32Array(this.#held.length * 2)
      larger.set(this.#held)
      this.#held = larger
    }
    this.#held.set(more, this.length)
    this.length += more.length
  }
  taken(): Uint32Array {
    return this.#held.subarray(0, this.length)
  }
}

export type RawStatistics = { readonly cells: Uint8Array; readonly topLevelRisk: ReadonlyMap<string, number> }

export function statisticsOf(rows: readonly UrlRow[], chosen: Uint32Array, weights: Float32Array): RawStatistics {
  const names = new Set<string>()
  const counts = new Map<string, { phishing: number; benign: number; sources: Set<string> }>()
  for (const at of chosen) {
    const row = rows[at]
    if (row === undefined) continue
    const { address } = row
    if (!row.isPhishing && !address.isIp) {
      names.add(address.label)
      for (const label of address.subdomains) names.add(label)
    }
    const entry = counts.get(address.topLevel) ?? { phishing: 0, benign: 0, sources: new Set<string>() }
    const weight = weights[at] ?? 0
    if (row.isPhishing) entry.phishing += weight
    else entry.benign += weight
    entry.sources.add(row.source)
    counts.set(address.topLevel, entry)
  }
  let total = 0
  for (const at of chosen) total += weights[at] ?? 0
  const prior = total * 0.001
  const risks = [...counts].map(([name, { phishing, benign }]): [string, number] => {
    const odds = Math.log((phishing + prior) / (benign + prior))
    return [name, Math.max(-2.5, Math.min(2.5, Math.round(odds * 16) / 16))]
  })
  return {
    cells: trainNameModel(names),
    topLevelRisk: new Map(
      risks.filter(([, risk]) => risk !== 0).toSorted(([left], [right]) => (left < right ? -1 : 1)),
    ),
  }
}

const findBrands = brandFinder()

/** The dense table; the two n-gram columns are left at zero for whoever has scores that did not see the row. */
export function tableOf(addresses: readonly Address[], raw: RawStatistics): Table {
  const statistics: Statistics = { names: new NameModel(raw.cells), topLevelRisk: raw.topLevelRisk }
  const values = new Float32Array(addresses.length * featureCount)
  addresses.forEach((address, at) =>
    fillFeatures(address, statistics, findBrands, values.subarray(at * featureCount, (at + 1) * featureCount)),
  )
  return { rows: addresses.length, features: featureCount, values }
}
