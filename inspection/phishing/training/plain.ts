// The plain yardstick: logistic regression over hashed character n-grams of the whole URL, no parts, no statistics, no
// care for sources. Must stay plain; it is what the model has to beat.
import { buckets } from '#inspection/phishing/ngrams.ts'
import type { Fitted } from './fit.ts'
import { rawScore, trainLogistic } from './logistic.ts'
import { seededRandom, stableHash } from './random.ts'
import type { UrlRow } from './sources.ts'

export function plainBaseline(rows: readonly UrlRow[]): Pick<Fitted, 'score'> {
  const chosen = Uint32Array.from(rows.keys())
  const labels = Uint8Array.from(rows, ({ isPhishing }) => Number(isPhishing))
  const weights = new Float32Array(rows.length).fill(1)
  const model = trainLogistic(
    plainGrams(rows),
    chosen,
    labels,
    weights,
    { epochs: 3, rate: 0.1, l2: 1e-5 },
    seededRandom(1),
  )
  return {
    score(others) {
      const grams = plainGrams(others)
      return Float64Array.from(others, (_, at) => rawScore(model, grams, at))
    },
  }
}

function plainGrams(rows: readonly UrlRow[]): { readonly starts: Uint32Array; readonly grams: Uint32Array } {
  const starts = new Uint32Array(rows.length + 1)
  const grams: number[] = []
  rows.forEach(({ address }, row) => {
    const { host, path, query } = address
    const text = `^${host}${path === '' ? '' : `/${path}`}${query === '' ? '' : `?${query}`}$`
      .toLowerCase()
      .slice(0, 200)
    for (let size = 3; size <= 5; size++)
      for (let at = 0; at + size <= text.length; at++) grams.push(stableHash(text.slice(at, at + size)) % buckets)
    starts[row + 1] = grams.length
  })
  return { starts, grams: Uint32Array.from(grams) }
}
