// What a measurement says: one row of the table, and the arithmetic behind it. Must never round a figure to its goal.
export type Row = {
  readonly name: string
  readonly unit: string
  /** Median of the repeats, or the figure named by `name`. */
  readonly ours: number
  /** The same work by somebody else in the same run, ours and theirs in turns. */
  readonly peer: number | null
  readonly peerVersion: string | null
  readonly ratio: number | null
  /** In the row's unit, or of the ratio. null: shown for the record. */
  readonly goal: { readonly of: 'ours' | 'ratio'; readonly is: 'at most' | 'at least'; readonly value: number } | null
  readonly met: boolean | null
  /** Least and most of the repeats. */
  readonly spread: readonly [number, number] | null
  readonly repeats: number
  /** Which processes are counted, and how. */
  readonly counted: string
}

export type Options = { readonly isQuick: boolean; readonly say: (text: string) => void }
export type Part = (options: Options) => Promise<readonly Row[]>

type Given = Pick<Row, 'name' | 'unit' | 'counted'> & {
  readonly values: readonly number[]
  readonly goal?: Row['goal']
  readonly peer?: { readonly values: readonly number[]; readonly version: string }
}

/** Ours is the median of the repeats; the ratio is ours to the peer's median. */
export function row({ values, peer, goal = null, ...named }: Given): Row {
  const ours = percentile(values, 0.5)
  const theirs = peer === undefined ? null : percentile(peer.values, 0.5)
  const ratio = theirs === null ? null : ours / theirs
  const judged = goal?.of === 'ratio' ? ratio : ours
  return {
    ...named,
    ours,
    peer: theirs,
    peerVersion: peer?.version ?? null,
    ratio,
    goal,
    met: goal === null || judged === null ? null : goal.is === 'at most' ? judged <= goal.value : judged >= goal.value,
    spread: values.length > 1 ? [Math.min(...values), Math.max(...values)] : null,
    repeats: values.length,
  }
}

export const atMost = (value: number): Row['goal'] => ({ of: 'ours', is: 'at most', value })
export const atLeast = (value: number): Row['goal'] => ({ of: 'ours', is: 'at least', value })
export const ratioAtLeast = (value: number): Row['goal'] => ({ of: 'ratio', is: 'at least', value })

/** Nearest rank: a value that was really seen; with an even number the lower one, so repeats are odd. NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN
}
