// What commands write: tables for people, JSON for machines. Text that came from elsewhere is stripped of
// control characters, so that a name cannot drive the terminal.
import { stripVTControlCharacters } from 'node:util'

export function write(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function writeJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

export function writeError(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Safe to print: no escape sequences, control or bidirectional-override characters, one line. */
export function safe(text: string): string {
  return stripVTControlCharacters(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    '·',
  )
}

/** Columns aligned by width; every cell made safe. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number | null | undefined)[])[],
): string {
  const cells = [head, ...rows.map((row) => row.map((cell) => safe(String(cell ?? '–'))))]
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `3m`, `2h`, `5d` since an RFC 3339 time. */
export function age(time: string | number): string {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(time).getTime()) / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}h`
  return `${Math.round(seconds / 86_400)}d`
}
