// How surprising a number is, in decades: 3 means that one in a thousand would be as large. Pure arithmetic; must never
// return NaN, or an endless value that would drown every other part of a sum.
const MAX_DECADES = 12

/** Upper tail of a count with mean `mean` whose rate itself is uncertain (negative binomial, `shape`; Chernoff bound). */
export function countDecades(count: number, mean: number, shape: number): number {
  const expected = Math.max(mean, 1e-6)
  if (!(count > expected)) return 0
  const nats = count * Math.log(count / expected) - (count + shape) * Math.log((count + shape) / (expected + shape))
  return bounded(nats / Math.LN10)
}

/** Upper tail of a standard normal, smooth for every z. */
export function normalDecades(z: number): number {
  if (!(z > 0)) return 0
  return bounded((z * z) / 2 / Math.LN10 + Math.log10(1 + 1.25 * z))
}

/** What is seen in `hits` of `days` user-days; the own record is shrunk to `rate`, that of everyone. */
export function rareDecades(rate: number, hits: number, days: number, strength = 12): number {
  const share = (hits + strength * rate) / (days + strength)
  return bounded(-Math.log10(Math.min(1, Math.max(share, 1e-7))))
}

/** What remains after `elapsedMs` of something that halves every `halfLifeMs`. */
export function remains(elapsedMs: number, halfLifeMs: number): number {
  return elapsedMs <= 0 ? 1 : 2 ** (-elapsedMs / halfLifeMs)
}

function bounded(decades: number): number {
  return decades > 0 ? Math.min(decades, MAX_DECADES) : 0
}
