// "Did you mean": the known name that is nearest to a mistyped one. Bounded in length, so that hostile names cost little.

const maxLength = 64

/** null when none is near. */
export function nearestName(name: string, known: Iterable<string>): string | null {
  let best: string | null = null
  let bestDistance = Math.floor(Math.min(name.length, maxLength) / 3) + 1
  for (const each of known) {
    if (Math.abs(each.length - name.length) >= bestDistance) continue
    const distance = editDistance(name.slice(0, maxLength).toLowerCase(), each.slice(0, maxLength).toLowerCase())
    if (distance >= bestDistance) continue
    best = each
    bestDistance = distance
  }
  return best
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
