// Fits one model to training rows: n-gram weights, letter statistics, then the forest over all features. The forest sees
// n-gram scores made by models that had not seen the row's *source*, so that it learns how far such scores carry to
// sources nobody has seen. Must give the same model for the same rows.
import type { Address } from '#inspection/phishing/address.ts'
import {
  featureCount,
  type FeatureName,
  featureNames,
  hostGramsAt,
  pathFeatures,
  pathGramsAt,
} from '#inspection/phishing/feature-table.ts'
import type { Forest } from '#inspection/phishing/forest.ts'
import type { GramWeights } from '#inspection/phishing/model-file.ts'
import { buckets } from '#inspection/phishing/ngrams.ts'
import { judgeRow } from '#inspection/phishing/judges.ts'
import { gramScore } from '#inspection/phishing/url-model.ts'
import { augment } from './augment.ts'
import { knownSites } from './known-sites.ts'
import { type GramRows, type Logistic, rawScore, trainLogistic } from './logistic.ts'
import { madeUpImitations } from './made-up-imitations.ts'
import { type Grams, gramsOf, type RawStatistics, statisticsOf, tableOf } from './prepare.ts'
import { seededRandom, stableHash } from './random.ts'
import type { SourceName, UrlRow } from './sources.ts'
import { growForest, type TreeOptions } from './trees.ts'
import { weigh } from './weigh.ts'

export type FitOptions = {
  readonly trees: number
  readonly say?: (text: string) => void
}
export type Fitted = {
  readonly statistics: RawStatistics
  readonly host: GramWeights
  readonly path: GramWeights
  readonly hostForest: Forest
  readonly wholeForest: Forest
  /** Log-odds of rows that were not trained on. */
  score(rows: readonly UrlRow[]): Float64Array
}

const linear = { epochs: 3, rate: 0.1, l2: 2e-4 } as const
const forestOptions: Omit<TreeOptions, 'trees'> = {
  depth: 6,
  rate: 0.1,
  leastHessian: 40,
  l2: 10,
  rowShare: 0.25,
  featureShare: 0.35,
  seed: 5,
}

const ours = (source: SourceName, isPhishing: boolean, addresses: readonly Address[]): readonly UrlRow[] =>
  addresses.map((address) => ({ source, isPhishing, year: 0, firstSeen: '', address }))
const madeRows = [...ours('made-up', true, madeUpImitations(4000)), ...ours('known', false, knownSites())]

/** Owners of rows of our own making: they are in every training, so no test may hold them. */
export const madeOwners: ReadonlySet<string> = new Set(madeRows.map(({ address }) => address.registrable))

export function fit(given: readonly UrlRow[], options: FitOptions): Fitted {
  const say = options.say ?? (() => {})
  const rows = augment([...given, ...madeRows])
  const chosen = Uint32Array.from(rows.keys())
  const labels = Uint8Array.from(rows, ({ isPhishing }) => Number(isPhishing))
  const weights = weigh(rows, chosen)
  const grams = gramsOf(rows)
  const statistics = statisticsOf(rows, chosen, weights)
  const table = tableOf(
    rows.map(({ address }) => address),
    statistics,
  )
  const ownHosts = withoutOthersHosts(rows, weights)
  const folds = foldsOf(rows)
  const foldCount = folds.reduce((most, fold) => Math.max(most, fold), 0) + 1
  say(`${rows.length} rows, ${foldCount} folds by source`)
  for (let fold = 0; fold < foldCount; fold++) {
    const inside = chosen.filter((at) => folds[at] !== fold)
    const outside = chosen.filter((at) => folds[at] === fold)
    const foldWeights = weigh(rows, inside)
    for (const part of ['host', 'path'] as const) {
      const partWeights = part === 'host' ? withoutOthersHosts(rows, foldWeights) : foldWeights
      const model = trainLogistic(grams[part], inside, labels, partWeights, linear, seededRandom(11 + fold))
      const column = part === 'host' ? hostGramsAt : pathGramsAt
      for (const at of outside) table.values[at * featureCount + column] = rawScore(model, grams[part], at)
    }
  }
  const [host, path] = (['host', 'path'] as const).map((part) =>
    quantized(
      trainLogistic(grams[part], chosen, labels, part === 'host' ? ownHosts : weights, linear, seededRandom(11)),
    ),
  )
  if (host === undefined || path === undefined) throw new Error('no n-gram weights')
  say('n-grams done')
  const grow = (rowWeights: Float32Array, isUsed: (feature: FeatureName) => boolean) =>
    growForest(table, chosen, labels, rowWeights, {
      ...forestOptions,
      trees: options.trees,
      used: featureNames.map(isUsed),
    })
  const hostForest = grow(ownHosts, (feature) => !pathFeatures.has(feature))
  const wholeForest = grow(weights, () => true)
  say('forests done')
  return {
    statistics,
    host,
    path,
    hostForest,
    wholeForest,
    score: (others) => scoreRows(others, { statistics, host, path, hostForest, wholeForest }),
  }
}

/** UT1's phishing sits mostly on other people's sites: its hosts would teach the host's judge the wrong thing. */
function withoutOthersHosts(rows: readonly UrlRow[], weights: Float32Array): Float32Array {
  return weights.map((weight, at) => (rows[at]?.source === 'ut1-phishing' ? 0 : weight))
}

/** Which fold leaves a row out: a benign row with its whole source, a phishing row by source, else by owner. */
function foldsOf(rows: readonly UrlRow[]): Uint8Array {
  const benign = [
    ...new Set(rows.filter(({ isPhishing, source }) => !isPhishing && source !== 'known').map(({ source }) => source)),
  ].toSorted()
  const count = Math.max(2, benign.length)
  return Uint8Array.from(rows, ({ source, isPhishing, address }) => {
    if (!isPhishing)
      return benign.length < 2 || source === 'known' ? stableHash(address.registrable) % count : benign.indexOf(source)
    return source === 'ut1-phishing' ? count - 1 : stableHash(address.registrable) % count
  })
}

function quantized({ weights, bias }: Logistic): GramWeights {
  let most = 0
  for (const weight of weights) most = Math.max(most, Math.abs(weight))
  const scale = Math.fround(most / 127) || 1
  const small = new Int8Array(buckets)
  weights.forEach((weight, at) => (small[at] = Math.round(weight / scale)))
  return { weights: small, scale, bias }
}

function scoreRows(rows: readonly UrlRow[], model: Omit<Fitted, 'score'>): Float64Array {
  const table = tableOf(
    rows.map(({ address }) => address),
    model.statistics,
  )
  const grams: Grams = gramsOf(rows)
  const listOf = ({ starts, grams: list }: GramRows, at: number) => list.subarray(starts[at] ?? 0, starts[at + 1] ?? 0)
  return Float64Array.from(rows, (_, at) => {
    const row = table.values.subarray(at * featureCount, (at + 1) * featureCount)
    const [host, path] = [listOf(grams.host, at), listOf(grams.path, at)]
    row[hostGramsAt] = gramScore(model.host, host, host.length)
    row[pathGramsAt] = gramScore(model.path, path, path.length)
    return judgeRow(model, row)
  })
}
