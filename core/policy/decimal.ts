// Cedar's `decimal`: 64 bits with four digits after the point. Must never go through floating point.
import { type Long, parseDigits, toLong } from './long.ts'

export class Decimal {
  readonly kind = 'decimal'
  /** The value times 10,000. */
  readonly units: Long

  constructor(units: Long) {
    this.units = units
  }

  toString(): string {
    const units = BigInt(this.units)
    const size = units < 0n ? -units : units
    const fraction = (size % 10_000n)
      .toString()
      .padStart(4, '0')
      .replace(/0{1,3}$/, '')
    return `${units < 0n ? '-' : ''}${size / 10_000n}.${fraction}`
  }
}

/** The decimal, or null when Cedar would refuse the text. */
export function parseDecimal(text: string): Decimal | null {
  const point = text.indexOf('.')
  if (!/^-?[0-9]+\.[0-9]{1,4}$/.test(text)) return null
  const isNegative = text.startsWith('-')
  const whole = parseDigits(text.slice(isNegative ? 1 : 0, point))
  if (whole === null) return null
  const fraction = BigInt(text.slice(point + 1).padEnd(4, '0'))
  const scaled = whole * 10_000n
  const units = toLong(isNegative ? -scaled - fraction : scaled + fraction)
  return units === null ? null : new Decimal(units)
}
