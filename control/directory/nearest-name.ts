// The name that was probably meant: the nearest by edits, when it is near enough. Must never cost more than a look at
// each name, however long the names are or many.
const MAX_NAMES = 10_000
const MAX_LENGTH = 64

/** Undefined when none is within a third of its length. */
export function nearestName(wanted: string, names: readonly string[]): string | undefined {
  const typed = wanted.toLowerCase().slice(0, MAX_LENGTH)
  let best: string | undefined
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1
  for (const name of names.slice(0, MAX_NAMES)) {
    if (Math.abs(name.length - typed.length) >= least) continue
    const edits = editsBetween(typed, name.slice(0, MAX_LENGTH), least)
    if (edits >= least) continue
    least = edits
    best = name
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours (Damerau 1964); `limit` when there are as many or more. */
function editsBetween(one: string, other: string, limit: number): number {
  let before: number[] = []
  let last = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let row = 1; row <= one.length; row++) {
    const next = [row]
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1]
      const replaced = (last[column - 1] ?? 0) + (isSame ? 0 : 1)
      let least = Math.min(replaced, (last[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1)
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      if (row > 1 && column > 1 && isSwapped) least = Math.min(least, (before[column - 2] ?? 0) + 1)
      next.push(least)
    }
    if (Math.min(...next) >= limit) return limit
    before = last
    last = next
  }
  return Math.min(limit, last[other.length] ?? limit)
}
