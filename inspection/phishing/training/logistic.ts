// Logistic regression over hashed n-grams with AdaGrad and L2, host and path apart. A text's grams are scaled to unit
// length, so that long names do not shout. Must give the same weights for the same rows, order and seed.
import { buckets } from '#inspection/phishing/ngrams.ts'
import { type Random, shuffle } from './random.ts'

/** Rows of hashed grams, one after the other. */
export type GramRows = { readonly starts: Uint32Array; readonly grams: Uint32Array }

export type LogisticOptions = { readonly epochs: number; readonly rate: number; readonly l2: number }
export type Logistic = { readonly weights: Float32Array; bias: number }

export function trainLogistic(
  rows: GramRows,
  chosen: Uint32Array,
  labels: Uint8Array,
  weights: Float32Array,
  options: LogisticOptions,
  random: Random,
): Logistic {
  const model: Logistic = { weights: new Float32Array(buckets), bias: 0 }
  const squares = new Float32Array(buckets)
  let biasSquares = 1e-6
  const order = chosen.slice()
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    shuffle(order, random)
    for (const row of order) {
      const weight = weights[row] ?? 0
      if (weight === 0) continue
      const from = rows.starts[row] ?? 0
      const to = rows.starts[row + 1] ?? 0
      const scale = to > from ? 1 / Math.sqrt(to - from) : 0
      const error = (sigmoid(rawScore(model, rows, row)) - (labels[row] ?? 0)) * weight
      biasSquares += error * error
      model.bias -= (options.rate * error) / Math.sqrt(biasSquares)
      for (let at = from; at < to; at++) {
        const bucket = rows.grams[at] ?? 0
        const gradient = error * scale + options.l2 * (model.weights[bucket] ?? 0)
        const square = (squares[bucket] ?? 0) + gradient * gradient
        squares[bucket] = square
        model.weights[bucket] = (model.weights[bucket] ?? 0) - (options.rate * gradient) / (Math.sqrt(square) + 1e-8)
      }
    }
  }
  return model
}

export function rawScore(model: Logistic, rows: GramRows, row: number): number {
  const from = rows.starts[row] ?? 0
  const to = rows.starts[row + 1] ?? 0
  if (to === from) return 0
  let sum = 0
  for (let at = from; at < to; at++) sum += model.weights[rows.grams[at] ?? 0] ?? 0
  return model.bias + sum / Math.sqrt(to - from)
}

export const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value))
