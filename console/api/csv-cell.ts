// One cell of a spreadsheet file. Must never be one that a spreadsheet takes for a formula.

/** RFC 4180, and a quote before what begins like a formula. */
export function csvCell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
