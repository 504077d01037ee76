// Prints rows as one table. A figure worse than its goal is said to be so.
import type { Row } from './row.ts'

export function formatTable(rows: readonly Row[]): string {
  const lines = [
    ['figure', 'ours', 'peer', 'ratio', 'goal', '', 'least … most', 'counted'],
    ...rows.map((row) => [
      row.name,
      `${short(row.ours)} ${row.unit}`,
      row.peer === null ? '' : `${short(row.peer)} (${row.peerVersion ?? ''})`,
      row.ratio === null ? '' : `${short(row.ratio)}×`,
      goalText(row),
      row.met === null ? '' : row.met ? 'met' : 'WORSE',
      row.spread === null ? '' : `${short(row.spread[0])} … ${short(row.spread[1])} (${row.repeats})`,
      row.counted,
    ]),
  ]
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function goalText({ goal, unit }: Row): string {
  if (goal === null) return ''
  const sign = goal.is === 'at most' ? '≤' : '≥'
  return goal.of === 'ratio' ? `${sign} ${goal.value}×` : `${sign} ${goal.value} ${unit}`
}

export function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value !== 0 && Math.abs(value) < 0.01) return value.toPrecision(2)
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}
