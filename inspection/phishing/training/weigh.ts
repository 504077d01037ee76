// What each row weighs in training: sources count alike however many rows they have, and neither one owner's thousand
// names nor one free host's ten thousand decide for all. Must not look at anything but source, owner and suffix.
import type { UrlRow } from './sources.ts'

/** Shares of the phishing half and the benign half; sources that are absent share out what is left. */
const shares: Readonly<Record<string, number>> = {
  jpcert: 0.85,
  'ut1-phishing': 0.15,
  'made-up': 0.06,
  smallweb: 0.34,
  pdd: 0.33,
  ut1: 0.33,
  known: 0.06,
}

const phishingSources = new Set(['jpcert', 'ut1-phishing', 'made-up'])

export function weigh(rows: readonly UrlRow[], chosen: Uint32Array): Float32Array {
  const owners = new Map<string, number>()
  const suffixes = new Map<string, number>()
  const perSource = new Map<string, number>()
  const count = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1)
  for (const at of chosen) {
    const row = rows[at]
    if (row === undefined) continue
    count(owners, `${row.source} ${row.address.registrable}`)
    if (row.address.isPrivateSuffix) count(suffixes, `${row.source} ${row.address.suffix}`)
    count(perSource, row.source)
  }
  const weights = new Float32Array(rows.length)
  const sums = new Map<string, number>()
  for (const at of chosen) {
    const row = rows[at]
    if (row === undefined) continue
    let weight = 1 / Math.sqrt(owners.get(`${row.source} ${row.address.registrable}`) ?? 1)
    if (row.address.isPrivateSuffix) {
      const share = (suffixes.get(`${row.source} ${row.address.suffix}`) ?? 0) / (perSource.get(row.source) ?? 1)
      // A suffix beyond 2 % of its source counts as if it were 2 %, and grows with the root.
      if (share > 0.02) weight *= Math.sqrt(0.02 / share)
    }
    weights[at] = weight
    sums.set(row.source, (sums.get(row.source) ?? 0) + weight)
  }
  const half = (isPhishing: boolean) =>
    [...sums.keys()]
      .filter((source) => phishingSources.has(source) === isPhishing)
      .reduce((sum, source) => sum + (shares[source] ?? 0), 0)
  const [phishing, benign] = [half(true), half(false)]
  const mass = chosen.length / 2
  for (const at of chosen) {
    const row = rows[at]
    if (row === undefined) continue
    const share = (shares[row.source] ?? 0) / (row.isPhishing ? phishing : benign)
    weights[at] = ((weights[at] ?? 0) * mass * share) / (sums.get(row.source) ?? 1)
  }
  return weights
}
