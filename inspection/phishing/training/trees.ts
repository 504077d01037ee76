// Grows a boosted forest (logistic loss, second-order gains, histograms of 8-bit bins), a few hundred lines short of a
// library and with nothing to download. Must give the same forest for the same rows and seed.
import { type Forest, LEAF } from '#inspection/phishing/forest.ts'
import { sigmoid } from './logistic.ts'
import { type Random, seededRandom } from './random.ts'

export type TreeOptions = {
  readonly trees: number
  readonly depth: number
  readonly rate: number
  /** Least sum of second derivatives in a leaf: in units of row weight. */
  readonly leastHessian: number
  readonly l2: number
  readonly rowShare: number
  readonly featureShare: number
  readonly seed: number
  /** Which features may be asked at all; all where it is left out. */
  readonly used?: readonly boolean[]
}

export type Table = {
  readonly rows: number
  readonly features: number
  /** Row by row. */ readonly values: Float32Array
}

const maxBins = 64

/** The upper edges of a feature's bins, at most 63 of them, from the quantiles of a sample. */
function edgesOf(table: Table, chosen: Uint32Array, feature: number): Float32Array {
  const step = Math.max(1, Math.floor(chosen.length / 50_000))
  const sample: number[] = []
  for (let at = 0; at < chosen.length; at += step)
    sample.push(table.values[(chosen[at] ?? 0) * table.features + feature] ?? 0)
  sample.sort((left, right) => left - right)
  const edges: number[] = []
  for (let bin = 1; bin < maxBins; bin++) {
    const value = sample[Math.floor((bin * sample.length) / maxBins)] ?? 0
    if (edges.length === 0 || value > (edges.at(-1) ?? 0)) edges.push(value)
  }
  // A rare flag has one value in every quantile; its own border is what matters.
  const distinct = [...new Set(sample)]
  if (distinct.length <= maxBins) return Float32Array.from(distinct.slice(0, -1))
  return Float32Array.from(edges)
}

function binOf(edges: Float32Array, value: number): number {
  let [low, high] = [0, edges.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (value <= (edges[middle] ?? 0)) high = middle
    else low = middle + 1
  }
  return low
}

type Split = { readonly feature: number; readonly bin: number; readonly gain: number }

export function growForest(
  table: Table,
  chosen: Uint32Array,
  labels: Uint8Array,
  weights: Float32Array,
  options: TreeOptions,
): Forest {
  const { features } = table
  const count = chosen.length
  const random = seededRandom(options.seed)
  const edges = Array.from({ length: features }, (_, feature) => edgesOf(table, chosen, feature))
  const bins = edges.map((each, feature) => {
    const column = new Uint8Array(count)
    for (let at = 0; at < count; at++)
      column[at] = binOf(each, table.values[(chosen[at] ?? 0) * features + feature] ?? 0)
    return column
  })
  let [positive, total] = [0, 0]
  for (const row of chosen) {
    total += weights[row] ?? 0
    if (labels[row] === 1) positive += weights[row] ?? 0
  }
  const bias = Math.log(positive / (total - positive))
  const scores = new Float64Array(count).fill(bias)
  const gradients = new Float32Array(count)
  const hessians = new Float32Array(count)
  const nodes: GrownNode[] = []
  const roots: number[] = []
  for (let tree = 0; tree < options.trees; tree++) {
    for (let at = 0; at < count; at++) {
      const row = chosen[at] ?? 0
      const share = sigmoid(scores[at] ?? 0)
      const weight = weights[row] ?? 0
      gradients[at] = (share - (labels[row] ?? 0)) * weight
      hessians[at] = Math.max(1e-6, share * (1 - share)) * weight
    }
    roots.push(nodes.length)
    growTree({ bins, edges, gradients, hessians, options, random, nodes, count })
    const root = roots.at(-1) ?? 0
    for (let at = 0; at < count; at++) scores[at] = (scores[at] ?? 0) + leafValue(nodes, root, bins, at)
  }
  return {
    roots: Uint32Array.from([...roots, nodes.length]),
    features: Uint8Array.from(nodes, ({ feature }) => feature),
    thresholds: Float32Array.from(nodes, ({ threshold }) => threshold),
    children: Uint32Array.from(nodes, ({ child }) => child),
    means: Float32Array.from(nodes, ({ mean }) => mean),
    bias,
  }
}

type GrownNode = {
  feature: number
  bin: number
  threshold: number
  child: number
  mean: number
}

type Growing = {
  readonly bins: readonly Uint8Array[]
  readonly edges: readonly Float32Array[]
  readonly gradients: Float32Array
  readonly hessians: Float32Array
  readonly options: TreeOptions
  readonly random: Random
  readonly nodes: GrownNode[]
  readonly count: number
}

function leafValue(nodes: readonly GrownNode[], root: number, bins: readonly Uint8Array[], at: number): number {
  let node = nodes[root]
  while (node !== undefined && node.feature !== LEAF)
    node = nodes[(bins[node.feature]?.[at] ?? 0) <= node.bin ? node.child : node.child + 1]
  return node?.mean ?? 0
}

function growTree(growing: Growing): void {
  const { bins, edges, gradients, hessians, options, random, nodes } = growing
  const rows = sampleRows(growing)
  const columns: number[] = []
  for (let feature = 0; feature < bins.length; feature++)
    if ((edges[feature]?.length ?? 0) > 0 && options.used?.[feature] !== false && random() < options.featureShare)
      columns.push(feature)
  const newNode = (mean: number): number => nodes.push({ feature: LEAF, bin: 0, threshold: 0, child: 0, mean }) - 1
  const meanOf = (from: number, to: number): number => {
    let [gradient, hessian] = [0, 0]
    for (let at = from; at < to; at++) {
      gradient += gradients[rows[at] ?? 0] ?? 0
      hessian += hessians[rows[at] ?? 0] ?? 0
    }
    return (-options.rate * gradient) / (hessian + options.l2)
  }
  let level = [{ node: newNode(meanOf(0, rows.length)), from: 0, to: rows.length }]
  for (let depth = 0; depth < options.depth && level.length > 0; depth++) {
    const next: typeof level = []
    for (const { node, from, to } of level) {
      const grown = nodes[node]
      const split = bestSplit(growing, rows, from, to, columns)
      if (split === null || grown === undefined) continue
      const middle = partition(rows, from, to, bins[split.feature] ?? new Uint8Array(), split.bin)
      grown.feature = split.feature
      grown.bin = split.bin
      grown.threshold = edges[split.feature]?.[split.bin] ?? 0
      const left = newNode(meanOf(from, middle))
      const right = newNode(meanOf(middle, to))
      grown.child = left
      next.push({ node: left, from, to: middle }, { node: right, from: middle, to })
    }
    level = next
  }
}

function sampleRows({ count, options, random }: Growing): Uint32Array {
  const rows = new Uint32Array(count)
  let kept = 0
  for (let at = 0; at < count; at++) if (random() < options.rowShare) rows[kept++] = at
  return rows.subarray(0, kept)
}

function partition(rows: Uint32Array, from: number, to: number, column: Uint8Array, bin: number): number {
  let [low, high] = [from, to - 1]
  while (low <= high) {
    const row = rows[low] ?? 0
    if ((column[row] ?? 0) <= bin) low++
    else {
      rows[low] = rows[high] ?? 0
      rows[high] = row
      high--
    }
  }
  return low
}

const gradientSums = new Float64Array(maxBins)
const hessianSums = new Float64Array(maxBins)

function bestSplit(
  growing: Growing,
  rows: Uint32Array,
  from: number,
  to: number,
  columns: readonly number[],
): Split | null {
  const { bins, edges, gradients, hessians, options } = growing
  let [gradientAll, hessianAll] = [0, 0]
  for (let at = from; at < to; at++) {
    gradientAll += gradients[rows[at] ?? 0] ?? 0
    hessianAll += hessians[rows[at] ?? 0] ?? 0
  }
  if (hessianAll < 2 * options.leastHessian) return null
  const parent = gradientAll ** 2 / (hessianAll + options.l2)
  let best: Split | null = null
  for (const feature of columns) {
    const column = bins[feature] ?? new Uint8Array()
    const binCount = (edges[feature]?.length ?? 0) + 1
    gradientSums.fill(0, 0, binCount)
    hessianSums.fill(0, 0, binCount)
    for (let at = from; at < to; at++) {
      const row = rows[at] ?? 0
      const bin = column[row] ?? 0
      gradientSums[bin] = (gradientSums[bin] ?? 0) + (gradients[row] ?? 0)
      hessianSums[bin] = (hessianSums[bin] ?? 0) + (hessians[row] ?? 0)
    }
    let [gradient, hessian] = [0, 0]
    for (let bin = 0; bin + 1 < binCount; bin++) {
      gradient += gradientSums[bin] ?? 0
      hessian += hessianSums[bin] ?? 0
      const right = hessianAll - hessian
      if (hessian < options.leastHessian) continue
      if (right < options.leastHessian) break
      const rightGradient = gradientAll - gradient
      const gain = gradient ** 2 / (hessian + options.l2) + rightGradient ** 2 / (right + options.l2) - parent
      if (gain > 1e-9 && (best === null || gain > best.gain)) best = { feature, bin, gain }
    }
  }
  return best
}
