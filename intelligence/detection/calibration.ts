// Conformal thresholds: the score that only so many ordinary user-days reach, read from the stream's own user-days and
// continued past their number by the shape of their tail. Must never let a few great scores (an attack, a poisoner)
// raise the threshold: what is far beyond the body of the tail counts as its edge.
const BIN = 0.1
const BINS = 160
const HALF_LIFE_DAYS = 28
const MAX_SCALE = 0.9

export type Calibration = {
  readonly bins: Float64Array
  userDays: number
  day: number
}

export function newCalibration(): Calibration {
  return { bins: new Float64Array(BINS), userDays: 0, day: 0 }
}

/** The greatest score of one user on one day; 0 counts too. */
export function learnPeak(calibration: Calibration, day: number, peak: number): void {
  if (day > calibration.day) {
    const share = calibration.day === 0 ? 1 : 2 ** (-(day - calibration.day) / HALF_LIFE_DAYS)
    for (let at = 0; at < BINS; at++) calibration.bins[at] = (calibration.bins[at] ?? 0) * share
    calibration.userDays *= share
    calibration.day = day
  }
  calibration.userDays++
  if (!(peak > 0)) return
  const bin = Math.min(BINS - 1, Math.floor(peak / BIN))
  calibration.bins[bin] = (calibration.bins[bin] ?? 0) + 1
}

/** The score that a share of `rate` of user-days reaches; never below `floor`. */
export function thresholdOf(calibration: Calibration, rate: number, floor: number): number {
  const { bins, userDays } = calibration
  if (userDays < 1) return floor + 2
  // The tail itself, not the body before it: a few of a thousand user-days.
  const wanted = Math.max(10, Math.min(60, userDays * 0.0015))
  let above = 0
  let start = BINS
  while (start > 0 && above < wanted) above += bins[--start] ?? 0
  if (above < 3) return floor + (userDays < 500 ? 1 : 0)
  const base = start * BIN
  const edge = base + 4 * Math.max(0.3, halfOf(bins, start, above) / Math.LN2)
  let excess = 0
  for (let at = start; at < BINS; at++) excess += (bins[at] ?? 0) * (Math.min((at + 0.5) * BIN, edge) - base)
  // The mean excess of an exponential tail, shrunk to that of a well-made score, with its own uncertainty on top. A tail
  // wider than MAX_SCALE is a mixture, of which the third greatest value tells more than its mean.
  const scale = Math.min(MAX_SCALE, ((excess + 4 * 0.5) / (above + 4)) * (1 + 1 / Math.sqrt(above + 4)))
  const share = above / userDays
  return Math.max(floor, thirdGreatest(bins), base + scale * Math.log(Math.max(1, share / rate)))
}

function thirdGreatest(bins: Float64Array): number {
  let seen = 0
  for (let at = BINS - 1; at >= 0; at--) {
    seen += bins[at] ?? 0
    if (seen >= 2.5) return (at + 1) * BIN
  }
  return 0
}

function halfOf(bins: Float64Array, start: number, above: number): number {
  let seen = 0
  for (let at = start; at < BINS; at++) {
    seen += bins[at] ?? 0
    if (seen >= above / 2) return (at + 0.5 - start) * BIN
  }
  return BIN
}
