// Log lines of the parts: one line each on standard error, for people on a terminal, as JSON elsewhere.
import { safe } from './output.ts'

export type PartLog = (message: string, fields?: Readonly<Record<string, unknown>>) => void

/** Threads of this program write as it does itself: to them standard error never looks like a terminal. */
export function settleLogForm(): void {
  process.env['SALLYPORT_LOG'] ??= process.stderr.isTTY ? 'text' : 'json'
}

/** SALLYPORT_LOG=json or text chooses; default: text on a terminal, JSON elsewhere. */
export function partLog(part: string): PartLog {
  const form = process.env['SALLYPORT_LOG'] ?? (process.stderr.isTTY ? 'text' : 'json')
  return (message, fields = {}) => {
    const time = new Date().toISOString()
    if (form === 'json') process.stderr.write(`${JSON.stringify({ time, part, message, ...fields })}\n`)
    else {
      const rest = Object.entries(fields).map(
        ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      )
      process.stderr.write(
        `${safe(`${time.slice(11, 19)} ${part.padEnd(9)} ${message}${rest.length > 0 ? `  ${rest.join(' ')}` : ''}`)}\n`,
      )
    }
  }
}
