// National numbers of the Americas. Each check is the issuing authority's published rule.
import { allEqual, luhn, numberOf, weighted, type Digits } from '#inspection/text/checksums.ts'
import type { NumberRule } from './number-rule.ts'

/** Area 000, 666 and 900–999, group 00 and serial 0000 were never issued; nor were the numbers of advertisements. */
export function isSsn(d: Digits): boolean {
  const area = numberOf(d, 0, 3)
  const serial = numberOf(d, 5, 9)
  const isShown = (area === 78 && numberOf(d, 3, 9) === 51_120) || (area === 219 && numberOf(d, 3, 9) === 99_999)
  const isForAdvertising = area === 987 && numberOf(d, 3, 5) === 65
  return (
    area !== 0 && area !== 666 && area < 900 && numberOf(d, 3, 5) !== 0 && serial !== 0 && !isShown && !isForAdvertising
  )
}

function isItin(d: Digits): boolean {
  const group = numberOf(d, 3, 5)
  return (
    d[0] === 9 &&
    ((group >= 50 && group <= 65) || (group >= 70 && group <= 88) || (group >= 90 && group <= 99 && group !== 93))
  )
}

const einPrefixes = new Set(
  '01 02 03 04 05 06 10 11 12 13 14 15 16 20 21 22 23 24 25 26 27 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 71 72 73 74 75 76 77 80 81 82 83 84 85 86 87 88 90 91 92 93 94 95 98 99'
    .split(' ')
    .map(Number),
)

function cpf(d: Digits): boolean {
  const one = ((weighted(d, [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10
  const two = ((weighted(d, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10
  return d[9] === one && d[10] === two && !allEqual(d, 11)
}

function cnpj(d: Digits): boolean {
  const digit = (sum: number) => (sum % 11 < 2 ? 0 : 11 - (sum % 11))
  const one = digit(weighted(d, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))
  const two = digit(weighted(d, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))
  return d[12] === one && d[13] === two && !allEqual(d, 14)
}

function cuil(d: Digits): boolean {
  const rest = 11 - (weighted(d, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)
  return (
    [20, 23, 24, 25, 26, 27, 30, 33, 34].includes(numberOf(d, 0, 2)) &&
    d[10] === (rest === 11 ? 0 : rest === 10 ? 9 : rest)
  )
}

/** The last digit of a Chilean RUT, mod 11; K is 10. */
export function rutCheck(digits: Digits, length: number): number {
  let sum = 0
  for (let at = 0; at < length; at++) sum += (digits[length - 1 - at] ?? 0) * (2 + (at % 6))
  return (11 - (sum % 11)) % 11
}

function nit(d: Digits, length: number): boolean {
  const weights = [3, 7, 13, 17, 19, 23, 29, 37, 41]
  let sum = 0
  for (let at = 0; at < length - 1; at++) sum += (d[length - 2 - at] ?? 0) * (weights[at] ?? 0)
  const rest = sum % 11
  return d[length - 1] === (rest < 2 ? rest : 11 - rest)
}

const ssn = { type: 'US_SSN', check: isSsn, context: ['ssn'] } as const
const itin = { type: 'US_ITIN', check: isItin, context: ['itin', 'ssn', 'tax'] } as const
const cpfRule = { type: 'BR_CPF', check: cpf, context: ['br'] } as const
const cnpjRule = { type: 'BR_CNPJ', check: cnpj, context: ['br_org'] } as const
const cuilRule = { type: 'AR_CUIL', check: cuil, context: ['ar'] } as const
const sin = {
  type: 'CA_SIN',
  check: (d: Digits, n: number) => luhn(d, 0, n) && d[0] !== 8 && !allEqual(d, n),
  context: ['ca'],
} as const

export const americanNumbers: readonly NumberRule[] = [
  { ...ssn, shapes: ['3-2-4'], alone: 0.85, near: 0.99 },
  { ...ssn, shapes: ['3 2 4', '3.2.4'], alone: 0.45, near: 0.97 },
  { ...ssn, shapes: ['9'], alone: 0, near: 0.85 },
  { ...itin, shapes: ['3-2-4'], alone: 0.75, near: 0.98 },
  { ...itin, shapes: ['3 2 4', '9'], alone: 0, near: 0.85 },
  {
    type: 'US_EIN',
    shapes: ['2-7'],
    check: (d) => einPrefixes.has(numberOf(d, 0, 2)),
    alone: 0.3,
    near: 0.9,
    context: ['ein'],
  },
  {
    // Luhn over 80840 and the number: the prefix adds 24 to the sum.
    type: 'US_NPI',
    shapes: ['10'],
    check: (d) => (d[0] === 1 || d[0] === 2) && luhn([8, 0, 8, 4, 0, ...Array.from(d).slice(0, 10)], 0, 15),
    alone: 0,
    near: 0.93,
    context: ['npi'],
  },
  { ...sin, shapes: ['3-3-3', '3 3 3'], alone: 0.55, near: 0.97 },
  { ...sin, shapes: ['9'], alone: 0, near: 0.9 },
  { ...cpfRule, shapes: ['3.3.3-2'], alone: 0.97, near: 0.99 },
  { ...cpfRule, shapes: ['11', '9-2'], alone: 0.6, near: 0.97 },
  { ...cnpjRule, shapes: ['2.3.3/4-2'], alone: 0.97, near: 0.99 },
  { ...cnpjRule, shapes: ['14'], alone: 0.6, near: 0.97 },
  { ...cuilRule, shapes: ['2-8-1'], alone: 0.93, near: 0.98 },
  { ...cuilRule, shapes: ['11'], alone: 0.4, near: 0.95 },
  {
    type: 'CL_RUT',
    shapes: ['2.3.3-1', '1.3.3-1'],
    check: (d, n) => rutCheck(d, n - 1) === d[n - 1] && !allEqual(d, n),
    alone: 0.9,
    near: 0.98,
    context: ['cl'],
  },
  {
    type: 'CL_RUT',
    shapes: ['8-1', '7-1'],
    check: (d, n) => rutCheck(d, n - 1) === d[n - 1] && !allEqual(d, n),
    alone: 0.55,
    near: 0.96,
    context: ['cl'],
  },
  { type: 'CO_NIT', shapes: ['3.3.3-1', '9-1'], check: nit, alone: 0.5, near: 0.93, context: ['co'] },
  {
    type: 'EC_CEDULA',
    shapes: ['10', '9-1'],
    check: (d) =>
      numberOf(d, 0, 2) >= 1 && numberOf(d, 0, 2) <= 24 && (d[2] ?? 9) < 6 && luhn(d, 0, 10) && !allEqual(d, 10),
    alone: 0,
    near: 0.9,
    context: ['ec'],
  },
  {
    type: 'UY_CI',
    shapes: ['1.3.3-1', '8', '7-1'],
    check: (d, n) => n === 8 && (10 - (weighted(d, [2, 9, 8, 7, 6, 3, 4]) % 10)) % 10 === d[7] && !allEqual(d, n),
    alone: 0.3,
    near: 0.92,
    context: ['uy'],
  },
]
