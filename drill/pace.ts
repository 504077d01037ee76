// The time between two acts: log-normal around a median, as people are.
import { spanMs } from '#core/drill/scenario.ts'

export type Pace = { readonly median: string; readonly jitter?: number | undefined }

const USUAL_JITTER = 0.3

/** Milliseconds; `random` gives numbers in [0, 1). Box and Muller's transform. */
export function nextPauseMs({ median, jitter = USUAL_JITTER }: Pace, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return spanMs(median) * Math.exp(jitter * normal)
}
