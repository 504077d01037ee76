// Numbers of payment: cards and the accounts behind them.
import { allEqual, luhn, numberOf, weighted, type Digits } from '#inspection/text/checksums.ts'
import type { NumberRule } from './number-rule.ts'

type Range = readonly [from: number, to: number, digits: number, lengths: readonly number[]]

// First and last prefix, its digits, and the lengths that the network issues (ISO/IEC 7812 issuer ranges as published).
const issuers: readonly Range[] = [
  [4, 4, 1, [13, 16, 19]], // Visa
  [51, 55, 2, [16]], // Mastercard
  [2221, 2720, 4, [16]],
  [34, 34, 2, [15]], // American Express
  [37, 37, 2, [15]],
  [6011, 6011, 4, [16, 19]], // Discover
  [644, 649, 3, [16, 19]],
  [65, 65, 2, [16, 19]],
  [622126, 622925, 6, [16, 19]],
  [62, 62, 2, [16, 17, 18, 19]], // UnionPay
  [81, 81, 2, [16, 17, 18, 19]],
  [3528, 3589, 4, [16, 17, 18, 19]], // JCB
  [1800, 1800, 4, [15]],
  [2131, 2131, 4, [15]],
  [300, 305, 3, [14, 16]], // Diners Club
  [3095, 3095, 4, [14, 16]],
  [36, 36, 2, [14]],
  [38, 39, 2, [14, 16]],
  [5018, 5018, 4, [12, 13, 14, 15, 16, 17, 18, 19]], // Maestro
  [5020, 5020, 4, [12, 13, 14, 15, 16, 17, 18, 19]],
  [5038, 5038, 4, [12, 13, 14, 15, 16, 17, 18, 19]],
  [5893, 5893, 4, [12, 13, 14, 15, 16, 17, 18, 19]],
  [6304, 6304, 4, [12, 13, 14, 15, 16, 17, 18, 19]],
  [6390, 6390, 4, [12, 13, 14, 15, 16, 17, 18, 19]],
  [6759, 6763, 4, [12, 13, 14, 15, 16, 17, 18, 19]],
  [604, 604, 3, [12, 13, 16]],
  [60, 60, 2, [16]], // RuPay, Hipercard
  [2200, 2204, 4, [16, 17, 18, 19]], // Mir
  [636, 637, 3, [16]], // InstaPayment, Elo
  [5067, 5067, 4, [16]],
  [9792, 9792, 4, [16]], // Troy
]

/** The first four digits → the lengths that some issuer gives such cards, as bits. Asked before the sum: it says no more often. */
const lengthsOf = new Int32Array(10_000)
for (const [from, to, size, lengths] of issuers) {
  const rest = 10 ** (4 - size)
  for (let prefix = from * rest; prefix < (to + 1) * rest; prefix++)
    for (const length of lengths) lengthsOf[prefix] = (lengthsOf[prefix] ?? 0) | (1 << length)
}

function hasIssuer(digits: Digits, length: number): boolean {
  return (((lengthsOf[numberOf(digits, 0, 4)] ?? 0) >>> length) & 1) === 1
}

const isCard = (digits: Digits, length: number) =>
  hasIssuer(digits, length) && luhn(digits, 0, length) && !allEqual(digits, length)

export const moneyNumbers: readonly NumberRule[] = [
  {
    type: 'CREDIT_CARD',
    shapes: ['16', '4~4~4~4', '15', '4~6~5', '4~4~4~4~3', '19', '4~6~4'],
    check: isCard,
    alone: 0.9,
    near: 0.99,
    context: ['card'],
  },
  {
    type: 'CREDIT_CARD',
    shapes: ['14'],
    check: isCard,
    alone: 0.7,
    near: 0.97,
    context: ['card'],
  },
  {
    // Lengths that few issuers use: one number in thirty passes by chance.
    type: 'CREDIT_CARD',
    shapes: ['12', '13', '17', '18', '4~4~4', '4~4~4~1', '4~4~4~2', '6~6', '8~8', '6~13', '4~5~6', '4~3~3~3', '4~4~5'],
    check: isCard,
    alone: 0.45,
    near: 0.95,
    context: ['card'],
  },
  {
    type: 'US_ROUTING_NUMBER',
    shapes: ['9', '4-4-1'],
    check: (d, n) => {
      const head = numberOf(d, 0, 2)
      const isRegion = head <= 12 || (head >= 21 && head <= 32) || (head >= 61 && head <= 72) || head === 80
      return isRegion && weighted(d, [3, 7, 1, 3, 7, 1, 3, 7, 1]) % 10 === 0 && !allEqual(d, n)
    },
    alone: 0,
    near: 0.9,
    context: ['routing'],
  },
]
