// Cedar's `datetime` and `duration`: milliseconds in 64 bits. Must never use the JavaScript date parser, which
// accepts forms that Cedar refuses.
import { addLong, divideLong, type Long, parseDigits, subtractLong, toLong } from './long.ts'

const dayMs = 86_400_000

export class Duration {
  readonly kind = 'duration'
  readonly ms: Long
  constructor(ms: Long) {
    this.ms = ms
  }
  toString(): string {
    return `${this.ms}ms`
  }
}

export class Datetime {
  readonly kind = 'datetime'
  readonly epochMs: Long
  constructor(epochMs: Long) {
    this.epochMs = epochMs
  }
  toString(): string {
    // Years outside 0000-9999 have no literal in Cedar
    const ms = Number(this.epochMs)
    if (ms < -62_167_219_200_000 || ms > 253_402_300_799_999) return `${this.epochMs}ms since 1970`
    return new Date(ms).toISOString()
  }
}

const durationForm = /^-?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?$/
const unitsMs = [86_400_000n, 3_600_000n, 60_000n, 1_000n, 1n]

/** The duration, or null when Cedar would refuse the text. */
export function parseDuration(text: string): Duration | null {
  if (text === '' || text === '-') return null
  const found = durationForm.exec(text)
  if (found === null) return null
  const sign = text.startsWith('-') ? -1n : 1n
  let total = 0n
  for (let at = unitsMs.length - 1; at >= 0; at--) {
    const count = parseDigits(found[at + 1] ?? '0')
    if (count === null) return null
    const part = sign * count * (unitsMs[at] ?? 0n)
    total += part
    // each step must fit, as in Cedar: signs are equal, so the sum only grows
    if (toLong(part) === null || toLong(total) === null) return null
  }
  const ms = toLong(total)
  return ms === null ? null : new Duration(ms)
}

const datetimeForm =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?$/

/** The moment, or null when Cedar would refuse the text. */
export function parseDatetime(text: string): Datetime | null {
  const found = text.length > 32 ? null : datetimeForm.exec(text)
  if (found === null) return null
  const [year, month, day, hour, minute, second, ms] = found.slice(1, 8).map((part) => Number(part ?? '0'))
  if (year === undefined || month === undefined || day === undefined) return null
  if (hour === undefined || minute === undefined || second === undefined || ms === undefined) return null
  const offsetHours = Number(found[9] ?? '0')
  const offsetMinutes = Number(found[10] ?? '0')
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return null
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000 * (found[8] === '-' ? -1 : 1)
  const timeMs = ((hour * 60 + minute) * 60 + second) * 1_000 + ms
  return new Datetime(daysSince1970(year, month, day) * dayMs + timeMs - offsetMs)
}

export function offset(from: Datetime, by: Duration): Datetime {
  return new Datetime(addLong(from.epochMs, by.ms))
}

export function durationSince(to: Datetime, from: Datetime): Duration {
  return new Duration(subtractLong(to.epochMs, from.epochMs))
}

export function toDate(moment: Datetime): Datetime {
  return new Datetime(subtractLong(moment.epochMs, msOfDay(moment.epochMs)))
}

export function toTime(moment: Datetime): Duration {
  return new Duration(msOfDay(moment.epochMs))
}

/** The duration in whole units, cut towards zero step by step as Cedar does. */
export function inUnits(duration: Duration, ...steps: readonly number[]): Long {
  return steps.reduce<Long>((value, step) => divideLong(value, step), duration.ms)
}

function msOfDay(epochMs: Long): number {
  const rest = typeof epochMs === 'number' ? epochMs % dayMs : Number(epochMs % BigInt(dayMs))
  return rest < 0 ? rest + dayMs : rest + 0
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar. `Date.UTC` maps years below 100 to 19xx. */
function daysSince1970(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}
