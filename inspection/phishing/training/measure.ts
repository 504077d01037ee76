// Shares, intervals and thresholds of a score against labels. Must never choose a threshold on the rows it reports,
// other than the one that *is* the report: the share caught where a given share of the ordinary rows lies above.

export type Share = { readonly caught: number; readonly low: number; readonly high: number; readonly of: number }

/** The score that `share` of the ordinary rows lie above. */
export function thresholdAt(ordinary: Float64Array, share: number): number {
  const sorted = ordinary.toSorted((left, right) => right - left)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Infinity
}

/** Strictly above the threshold, with Wilson's 95 % interval. */
export function shareAbove(scores: Float64Array, threshold: number): Share {
  let caught = 0
  for (const score of scores) if (score > threshold) caught++
  const count = scores.length
  if (count === 0) return { caught: Number.NaN, low: Number.NaN, high: Number.NaN, of: 0 }
  const share = caught / count
  const z2 = 1.96 ** 2
  const middle = (share + z2 / (2 * count)) / (1 + z2 / count)
  const reach = (1.96 * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count * count))) / (1 + z2 / count)
  return { caught: share, low: middle - reach, high: middle + reach, of: count }
}

/** Of what lies above the threshold, the share that is phishing when one address in a thousand is. */
export function precisionAtOneInThousand(caught: number, falsePositives: number): number {
  return (0.001 * caught) / (0.001 * caught + 0.999 * falsePositives)
}
