// HOT: sums the trees of a boosted forest kept in typed arrays, and says which features moved the sum (each step down a
// tree credits its feature with the change of the node's mean: Saabas 2014). Must stay free of allocation in `sum`.

export type Forest = {
  /** First node of each tree, and one past the last. */
  readonly roots: Uint32Array
  /** Feature tested, or 255 at a leaf. */
  readonly features: Uint8Array
  /** Left where value <= threshold. */
  readonly thresholds: Float32Array
  /** Left child; the right one follows it. */
  readonly children: Uint32Array
  /** Mean of the node in log-odds; at a leaf what the tree adds. */
  readonly means: Float32Array
  readonly bias: number
}
export const LEAF = 255

export function sumOfForest(forest: Forest, row: Float32Array): number {
  const { roots, features, thresholds, children, means } = forest
  let sum = forest.bias
  for (let tree = 0; tree + 1 < roots.length; tree++) {
    let node = roots[tree] ?? 0
    let feature = features[node] ?? LEAF
    while (feature !== LEAF) {
      const child = children[node] ?? 0
      node = (row[feature] ?? 0) <= (thresholds[node] ?? 0) ? child : child + 1
      feature = features[node] ?? LEAF
    }
    sum += means[node] ?? 0
  }
  return sum
}

/** Adds each feature's share of the sum to `into`. */
export function explainForest(forest: Forest, row: Float32Array, into: Float64Array): void {
  const { roots, features, thresholds, children, means } = forest
  for (let tree = 0; tree + 1 < roots.length; tree++) {
    let node = roots[tree] ?? 0
    for (;;) {
      const feature = features[node] ?? LEAF
      if (feature === LEAF) break
      const child = children[node] ?? 0
      const next = (row[feature] ?? 0) <= (thresholds[node] ?? 0) ? child : child + 1
      into[feature] = (into[feature] ?? 0) + (means[next] ?? 0) - (means[node] ?? 0)
      node = next
    }
  }
}
