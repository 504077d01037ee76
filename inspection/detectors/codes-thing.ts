// Codes of letters and digits that stand for a thing: organisations' tax numbers and vehicles.
import { luhn, mod11of10, weighted } from '#inspection/text/checksums.ts'
import type { CodeRule } from './code-rule.ts'
import { valueOf } from './code-rule.ts'

const digitsOf = (text: string) => Array.from(text, Number)

// Transliteration and weights of ISO 3779 / 49 CFR 565: I, O and Q do not occur.
const vinValues: Readonly<Record<string, number>> = Object.fromEntries([
  ...Array.from('ABCDEFGH', (letter, at) => [letter, at + 1]),
  ...Array.from('JKLMN', (letter, at) => [letter, at + 1]),
  ['P', 7],
  ['R', 9],
  ...Array.from('STUVWXYZ', (letter, at) => [letter, at + 2]),
])
const vinWeights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]
function isVin(code: string): boolean {
  let sum = 0
  for (let at = 0; at < 17; at++) {
    const character = code.charAt(at)
    sum += (vinValues[character] ?? Number(character)) * (vinWeights[at] ?? 0)
  }
  return 'X' === code.charAt(8) ? sum % 11 === 10 : sum % 11 === Number(code.charAt(8))
}

function isGstin(code: string): boolean {
  let sum = 0
  for (let at = 0; at < 14; at++) {
    const product = valueOf(code.charAt(at)) * (at % 2 === 0 ? 1 : 2)
    sum += Math.floor(product / 36) + (product % 36)
  }
  return valueOf(code.charAt(14)) === (36 - (sum % 36)) % 36
}

const vatChecks: Readonly<Record<string, readonly [RegExp, (body: string) => boolean]>> = {
  DE: [/^[1-9]\d{8}$/, (b) => mod11of10(digitsOf(b), 9)],
  FR: [/^\d{11}$/, (b) => (12 + 3 * (Number(b.slice(2)) % 97)) % 97 === Number(b.slice(0, 2))],
  IT: [/^\d{11}$/, (b) => luhn(digitsOf(b), 0, 11) && Number(b) > 0],
  BE: [/^[01]\d{9}$/, (b) => 97 - (Number(b.slice(0, 8)) % 97) === Number(b.slice(8))],
  PL: [/^\d{10}$/, (b) => weighted(digitsOf(b), [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 === Number(b.charAt(9))],
  AT: [
    /^U\d{8}$/,
    (b) => {
      const sum = digitsOf(b.slice(1, 8)).reduce((total, digit, at) => {
        const value = at % 2 === 0 ? digit : digit * 2
        return total + Math.floor(value / 10) + (value % 10)
      }, 4)
      return (10 - (sum % 10)) % 10 === Number(b.charAt(8))
    },
  ],
  PT: [
    /^[1-9]\d{8}$/,
    (b) => {
      const rest = 11 - (weighted(digitsOf(b), [9, 8, 7, 6, 5, 4, 3, 2]) % 11)
      return (rest > 9 ? 0 : rest) === Number(b.charAt(8))
    },
  ],
  SI: [
    /^[1-9]\d{7}$/,
    (b) => {
      const rest = 11 - (weighted(digitsOf(b), [8, 7, 6, 5, 4, 3, 2]) % 11)
      return rest !== 11 && rest % 10 === Number(b.charAt(7))
    },
  ],
  FI: [
    /^\d{8}$/,
    (b) => {
      const rest = weighted(digitsOf(b), [7, 9, 10, 5, 8, 4, 2]) % 11
      return rest !== 1 && (rest === 0 ? 0 : 11 - rest) === Number(b.charAt(7))
    },
  ],
  DK: [/^[1-9]\d{7}$/, (b) => weighted(digitsOf(b), [2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0],
  HR: [/^\d{11}$/, (b) => mod11of10(digitsOf(b), 11)],
}

function isVat(code: string): boolean {
  const [form, check] = vatChecks[code.slice(0, 2)] ?? []
  const body = code.slice(2)
  return form !== undefined && check !== undefined && form.test(body) && check(body)
}

export const thingCodes: readonly CodeRule[] = [
  {
    type: 'VIN',
    length: [17, 17],
    letters: [2, 14],
    pattern: /^[A-HJ-NPR-Z\d]{12}\d{5}$|^[A-HJ-NPR-Z\d]{11}[A-HJ-NPR-Z\d]{2}\d{4}$/,
    check: isVin,
    alone: 0.8,
    near: 0.97,
    context: ['vin'],
  },
  {
    type: 'IN_GSTIN',
    length: [15, 15],
    letters: [7, 9],
    pattern: /^[0-3]\d[A-Z]{5}\d{4}[A-Z][1-9A-Z]Z[\dA-Z]$/,
    check: isGstin,
    alone: 0.95,
    near: 0.99,
    context: ['vat', 'tax'],
  },
  {
    type: 'EU_VAT',
    length: [10, 13],
    letters: [2, 3],
    pattern: /^(?:DE|FR|IT|BE|PL|AT|PT|SI|FI|DK|HR)U?\d{8,11}$/,
    check: isVat,
    alone: 0.7,
    near: 0.96,
    context: ['vat', 'tax'],
  },
]
