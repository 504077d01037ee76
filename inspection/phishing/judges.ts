// HOT: two judges of one row of features, the worse word counts. The host's judge never sees a path and so carries over to
// sites whose paths are like nothing in training; the whole's judge sees what sits on somebody else's site, and has to be
// surer, because paths differ more from source to source. Each adds to its forest a part of the plain n-gram score: forests
// step, sums of n-grams slope, and together they order the worst addresses better than either (docs/phishing-model.md).
import { hostGramsAt, pathGramsAt } from './feature-table.ts'
import { explainForest, type Forest, sumOfForest } from './forest.ts'

export type Judges = { readonly hostForest: Forest; readonly wholeForest: Forest }

/** Chosen on the rotations without `smallweb` and without `pdd`. */
const gramsOfHostJudge = 0.7
const gramsOfWholeJudge = 0.5
/** Log-odds by which the whole's judge has to be surer. */
const wholeMargin = 1.5

const byHost = ({ hostForest }: Judges, row: Float32Array): number =>
  sumOfForest(hostForest, row) + gramsOfHostJudge * (row[hostGramsAt] ?? 0)

const byWhole = ({ wholeForest }: Judges, row: Float32Array): number =>
  sumOfForest(wholeForest, row) + gramsOfWholeJudge * ((row[hostGramsAt] ?? 0) + (row[pathGramsAt] ?? 0)) - wholeMargin

/** Log-odds, on a scale of its own: thresholds give it meaning. */
export function judgeRow(judges: Judges, row: Float32Array): number {
  return Math.max(byHost(judges, row), byWhole(judges, row))
}

/** Adds each feature's share in the word of the judge that decided. */
export function explainRow(judges: Judges, row: Float32Array, into: Float64Array): void {
  const isHost = byHost(judges, row) >= byWhole(judges, row)
  explainForest(isHost ? judges.hostForest : judges.wholeForest, row, into)
  const share = isHost ? gramsOfHostJudge : gramsOfWholeJudge
  into[hostGramsAt] = (into[hostGramsAt] ?? 0) + share * (row[hostGramsAt] ?? 0)
  if (!isHost) into[pathGramsAt] = (into[pathGramsAt] ?? 0) + share * (row[pathGramsAt] ?? 0)
}
