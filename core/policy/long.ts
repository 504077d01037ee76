// Cedar's 64-bit integers: a `number` whenever that is exact, a `bigint` otherwise, never both for one value.
// Must never round: every result outside 53 bits is worked out again with bigint, and outside 64 bits it is an error.
import { failEvaluation } from './evaluation-error.ts'

export type Long = number | bigint

const minLong = -(2n ** 63n)
const maxLong = 2n ** 63n - 1n

export function isLong(value: unknown): value is Long {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** The one representation of an integer of 64 bits, or null when it has more. */
export function toLong(value: bigint): Long | null {
  if (value < minLong || value > maxLong) return null
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

/** Digits as an exact integer, or null when the number has more than 20 (no 64-bit integer has), leading zeros aside. */
export function parseDigits(text: string): bigint | null {
  let start = 0
  while (start < text.length - 1 && text[start] === '0') start++
  return text.length - start > 20 ? null : BigInt(text.slice(start))
}

/** Decimal digits with an optional `-`, as Cedar and JSON write integers. Null when malformed or out of range. */
export function parseLong(text: string): Long | null {
  if (text.length > 64 || !/^-?[0-9]+$/.test(text)) return null
  return toLong(BigInt(text))
}

export function addLong(left: Long, right: Long): Long {
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right
    if (Number.isSafeInteger(sum)) return sum
  }
  return toLong(BigInt(left) + BigInt(right)) ?? failEvaluation(`integer overflow while adding ${left} and ${right}`)
}

export function subtractLong(left: Long, right: Long): Long {
  if (typeof left === 'number' && typeof right === 'number') {
    const difference = left - right
    if (Number.isSafeInteger(difference)) return difference
  }
  return (
    toLong(BigInt(left) - BigInt(right)) ?? failEvaluation(`integer overflow while subtracting ${right} from ${left}`)
  )
}

export function multiplyLong(left: Long, right: Long): Long {
  if (typeof left === 'number' && typeof right === 'number') {
    const product = left * right
    if (Number.isSafeInteger(product)) return product + 0 // -0 becomes 0
  }
  return (
    toLong(BigInt(left) * BigInt(right)) ?? failEvaluation(`integer overflow while multiplying ${left} and ${right}`)
  )
}

export function negateLong(value: Long): Long {
  if (typeof value === 'number') return 0 - value
  return toLong(-value) ?? failEvaluation(`integer overflow while negating ${value}`)
}

/** Division towards zero by a positive number, as Rust's `/`. */
export function divideLong(value: Long, by: number): Long {
  if (typeof value === 'number') return Math.trunc(value / by) + 0
  return toLong(value / BigInt(by)) ?? failEvaluation('integer overflow while dividing')
}
