// Check digits, each as its standard defines it. Works on arrays of digit values (0 … 9), so that separators never matter.
// Must never accept an empty or all-equal number: zeros satisfy nearly every checksum.

export type Digits = ArrayLike<number>

/** ISO/IEC 7812-1, mod 10 with doubling from the right. */
export function luhn(digits: Digits, from = 0, to = digits.length): boolean {
  let sum = 0
  let isDoubled = false
  for (let at = to - 1; at >= from; at--) {
    let digit = digits[at] ?? 0
    if (isDoubled) {
      digit *= 2
      if (digit > 9) digit -= 9
    }
    sum += digit
    isDoubled = !isDoubled
  }
  return sum % 10 === 0
}

export function weighted(digits: Digits, weights: Digits, from = 0): number {
  let sum = 0
  for (let at = 0; at < weights.length; at++) sum += (digits[from + at] ?? 0) * (weights[at] ?? 0)
  return sum
}

/** The digits as a number; exact up to 15 of them. */
export function numberOf(digits: Digits, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at++) value = value * 10 + (digits[at] ?? 0)
  return value
}

/** Remainder by 97 of any number of digits. */
export function remainder97(digits: Digits, from: number, to: number): number {
  let rest = 0
  for (let at = from; at < to; at++) rest = (rest * 10 + (digits[at] ?? 0)) % 97
  return rest
}

/** ISO 7064 mod 97-10 as IBAN uses it: the first four characters go last, letters become 10 … 35. */
export function ibanChecks(iban: string): boolean {
  let rest = 0
  for (let at = 0; at < iban.length; at++) {
    const code = iban.charCodeAt((at + 4) % iban.length)
    rest = code <= 57 ? (rest * 10 + code - 48) % 97 : (rest * 100 + code - 55) % 97
  }
  return rest === 1
}

/** ISO 7064 mod 11,10 over all digits, the last one being the check digit. */
export function mod11of10(digits: Digits, length = digits.length): boolean {
  let product = 10
  for (let at = 0; at < length - 1; at++) {
    let sum = ((digits[at] ?? 0) + product) % 10
    if (sum === 0) sum = 10
    product = (sum * 2) % 11
  }
  return (11 - product) % 10 === digits[length - 1]
}

// Dihedral group D5 and the permutation of Verhoeff's scheme (1969).
const dihedral = Array.from({ length: 10 }, (_, j) =>
  Array.from({ length: 10 }, (_, k) =>
    j < 5 ? (k < 5 ? (j + k) % 5 : 5 + ((j + k) % 5)) : k < 5 ? 5 + ((j - k + 5) % 5) : (j - k + 5) % 5,
  ),
)
const step = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
const permutation = Array.from({ length: 8 }, (_, power) =>
  Array.from({ length: 10 }, (_, digit) => {
    let value = digit
    for (let each = 0; each < power; each++) value = step[value] ?? 0
    return value
  }),
)

export function verhoeff(digits: Digits, length = digits.length): boolean {
  let check = 0
  for (let at = 0; at < length; at++) {
    const permuted = permutation[at % 8]?.[digits[length - 1 - at] ?? 0] ?? 0
    check = dihedral[check]?.[permuted] ?? 0
  }
  return check === 0
}

export function allEqual(digits: Digits, length = digits.length): boolean {
  for (let at = 1; at < length; at++) if (digits[at] !== digits[0]) return false
  return true
}

const monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** True for a day that exists in the calendar; `year` may be of two digits, then 29 February passes when it can exist. */
export function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1 || day > (monthDays[month - 1] ?? 0)) return false
  if (month !== 2 || day !== 29) return true
  return year % 4 === 0 && (year < 100 || year % 100 !== 0 || year % 400 === 0)
}
