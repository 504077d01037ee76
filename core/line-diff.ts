// Two texts compared line by line: the longest common lines stay, the rest was removed or added. Pure and bounded.

/** Lines that differ, of both texts together: the table below has one number for each pair. */
const maxLines = 2_000

export type DiffLine = { readonly kind: 'same' | 'add' | 'remove'; readonly text: string }

/** Null when the texts are too long to compare line by line. */
export function diffLines(before: string, after: string): readonly DiffLine[] | null {
  const a = before.replace(/\n$/, '').split('\n')
  const b = after.replace(/\n$/, '').split('\n')
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const from = a.slice(head, a.length - tail)
  const to = b.slice(head, b.length - tail)
  if (from.length + to.length > maxLines) return null
  const same = (text: string): DiffLine => ({ kind: 'same', text })
  return [...a.slice(0, head).map(same), ...middle(from, to), ...a.slice(a.length - tail).map(same)]
}

function middle(a: readonly string[], b: readonly string[]): readonly DiffLine[] {
  const width = b.length + 1
  const longest = new Uint16Array((a.length + 1) * width)
  const at = (row: number, column: number): number => longest[row * width + column] ?? 0
  for (let row = a.length - 1; row >= 0; row--)
    for (let column = b.length - 1; column >= 0; column--)
      longest[row * width + column] =
        a[row] === b[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1))
  const lines: DiffLine[] = []
  let row = 0
  let column = 0
  while (row < a.length || column < b.length) {
    if (row < a.length && column < b.length && a[row] === b[column]) {
      lines.push({ kind: 'same', text: a[row] ?? '' })
      row++
      column++
    } else if (column >= b.length || (row < a.length && at(row + 1, column) >= at(row, column + 1)))
      lines.push({ kind: 'remove', text: a[row++] ?? '' })
    else lines.push({ kind: 'add', text: b[column++] ?? '' })
  }
  return lines
}
