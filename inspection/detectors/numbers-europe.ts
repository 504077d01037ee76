// National numbers of European countries. Each check is the issuing authority's published rule.
import {
  allEqual,
  isDay,
  luhn,
  mod11of10,
  numberOf,
  remainder97,
  weighted,
  type Digits,
} from '#inspection/text/checksums.ts'
import type { NumberRule } from './number-rule.ts'

const two = (d: Digits, from: number) => numberOf(d, from, from + 2)

function isNhs(d: Digits): boolean {
  const rest = 11 - (weighted(d, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)
  return rest !== 10 && (rest === 11 ? 0 : rest) === d[9] && !allEqual(d, 10)
}

/** Among the first ten digits exactly one occurs twice or three times, never three in a row. */
function isSteuerId(d: Digits): boolean {
  if (d[0] === 0 || !mod11of10(d, 11)) return false
  const counts = Array.from({ length: 10 }, () => 0)
  for (let at = 0; at < 10; at++) counts[d[at] ?? 0] = (counts[d[at] ?? 0] ?? 0) + 1
  const repeated = counts.filter((count) => count > 1)
  if (repeated.length !== 1 || (repeated[0] ?? 0) > 3) return false
  for (let at = 2; at < 10; at++) if (d[at] === d[at - 1] && d[at] === d[at - 2]) return false
  return true
}

function isNir(d: Digits): boolean {
  const month = two(d, 3)
  const isMonth = (month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50
  return (d[0] === 1 || d[0] === 2 || d[0] === 7 || d[0] === 8) && isMonth && 97 - remainder97(d, 0, 13) === two(d, 13)
}

const isBsn = (d: Digits) => {
  const sum = weighted(d, [9, 8, 7, 6, 5, 4, 3, 2]) - (d[8] ?? 0)
  return sum % 11 === 0 && numberOf(d, 0, 9) > 9_999_999 && !allEqual(d, 9)
}

function isRijksregister(d: Digits): boolean {
  const month = two(d, 2)
  const isDate =
    month % 20 === 0 || isDay(two(d, 0) + 100, month % 20, two(d, 4)) || isDay(two(d, 0) + 96, month % 20, two(d, 4))
  const number = numberOf(d, 0, 9)
  const check = two(d, 9)
  return (
    isDate && numberOf(d, 6, 9) > 0 && (97 - (number % 97) === check || 97 - ((number + 2_000_000_000) % 97) === check)
  )
}

function isPesel(d: Digits): boolean {
  const month = two(d, 2)
  if (!isDay(two(d, 0), month % 20, two(d, 4)) && !isDay(two(d, 0) + 100, month % 20, two(d, 4))) return false
  return weighted(d, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0
}

function isRodneCislo(d: Digits): boolean {
  let month = two(d, 2)
  if (month > 70) month -= 70
  else if (month > 50) month -= 50
  else if (month > 20) month -= 20
  if (!isDay(two(d, 0), month, two(d, 4))) return false
  const head = numberOf(d, 0, 9) % 11
  return numberOf(d, 0, 10) % 11 === 0 || (head === 10 && d[9] === 0)
}

/** Day + 60: a coordination number. */
function isPersonnummer(d: Digits, length: number): boolean {
  const from = length - 10
  const century = two(d, 0)
  if (from === 2 && century !== 19 && century !== 20 && century !== 18) return false
  const day = two(d, from + 4)
  return isDay(two(d, from), two(d, from + 2), day > 60 ? day - 60 : day) && luhn(d, from, length)
}

function isFodselsnummer(d: Digits): boolean {
  const day = two(d, 0) > 40 ? two(d, 0) - 40 : two(d, 0)
  const month = two(d, 2) > 80 ? two(d, 2) - 80 : two(d, 2) > 40 ? two(d, 2) - 40 : two(d, 2)
  if (!isDay(two(d, 4), month, day)) return false
  return (
    weighted(d, [3, 7, 6, 1, 8, 9, 4, 5, 2, 1]) % 11 === 0 && weighted(d, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0
  )
}

const isCprDate = (d: Digits) => isDay(two(d, 4), two(d, 2), two(d, 0))
const isCpr = (d: Digits) => isCprDate(d) && weighted(d, [4, 3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0

function isAhv(d: Digits): boolean {
  return numberOf(d, 0, 3) === 756 && weighted(d, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]) % 10 === 0
}

function isSvnr(d: Digits): boolean {
  const isMonth = two(d, 6) >= 1 && two(d, 6) <= 15
  return (
    d[0] !== 0 &&
    isMonth &&
    two(d, 4) <= 31 &&
    two(d, 4) > 0 &&
    weighted(d, [3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 === d[3]
  )
}

function isCnp(d: Digits): boolean {
  if (d[0] === 0 || !isDay(two(d, 1), two(d, 3), two(d, 5))) return false
  const county = two(d, 7)
  if (county < 1 || (county > 52 && county !== 70)) return false
  const rest = weighted(d, [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11
  return d[12] === (rest === 10 ? 1 : rest)
}

function isEgn(d: Digits): boolean {
  const month = two(d, 2)
  if (!isDay(two(d, 0), month > 40 ? month - 40 : month > 20 ? month - 20 : month, two(d, 4))) return false
  return (weighted(d, [2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11) % 10 === d[9]
}

function isBaltic(d: Digits): boolean {
  if ((d[0] ?? 0) < 1 || (d[0] ?? 0) > 6 || !isDay(two(d, 1), two(d, 3), two(d, 5))) return false
  let rest = weighted(d, [1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11
  if (rest === 10) rest = weighted(d, [3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11
  return d[10] === rest % 10
}

function isJmbg(d: Digits): boolean {
  if (!isDay(two(d, 5) + 100, two(d, 2), two(d, 0)) && !isDay(two(d, 5), two(d, 2), two(d, 0))) return false
  if (d[4] !== 9 && d[4] !== 0) return false
  const rest = 11 - (weighted(d, [7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)
  return rest !== 10 && d[12] === (rest === 11 ? 0 : rest)
}

const isAmka = (d: Digits) => isDay(two(d, 4), two(d, 2), two(d, 0)) && luhn(d, 0, 11)

function isNif(d: Digits): boolean {
  if (![1, 2, 3, 5, 6, 8, 9].includes(d[0] ?? 0) && two(d, 0) !== 45) return false
  const rest = 11 - (weighted(d, [9, 8, 7, 6, 5, 4, 3, 2]) % 11)
  return d[8] === (rest > 9 ? 0 : rest) && !allEqual(d, 9)
}

function isInn12(d: Digits): boolean {
  const one = (weighted(d, [7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11) % 10
  return d[10] === one && d[11] === (weighted(d, [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11) % 10 && !allEqual(d, 12)
}

function isSnils(d: Digits): boolean {
  const sum = weighted(d, [9, 8, 7, 6, 5, 4, 3, 2, 1])
  return numberOf(d, 0, 9) > 1_001_998 && (sum % 101) % 100 === two(d, 9)
}

const rule = (
  type: string,
  shapes: string,
  check: NumberRule['check'],
  alone: number,
  near: number,
  ...context: NumberRule['context']
): NumberRule => ({ type, shapes: shapes.split('|'), check, alone, near, context })

export const europeanNumbers: readonly NumberRule[] = [
  rule('UK_NHS_NUMBER', '3 3 4|3-3-4', isNhs, 0.4, 0.97, 'nhs'),
  rule('UK_NHS_NUMBER', '10', isNhs, 0, 0.95, 'nhs'),
  rule('DE_STEUER_ID', '2 3 3 3', isSteuerId, 0.8, 0.98, 'de_tax'),
  rule('DE_STEUER_ID', '11', isSteuerId, 0.5, 0.96, 'de_tax'),
  rule('FR_NIR', '15|1~2~2~2~3~3~2|13 2', isNir, 0.93, 0.99, 'fr_nir', 'ssn'),
  rule('NL_BSN', '9|4.2.3|3~3~3', isBsn, 0, 0.94, 'nl'),
  rule('BE_RIJKSREGISTER', '2.2.2-3.2|2.2.2 3.2', isRijksregister, 0.97, 0.99, 'be'),
  rule('BE_RIJKSREGISTER', '11|6-3-2|6 3 2|2 2 2 3 2', isRijksregister, 0.75, 0.97, 'be'),
  rule('PL_PESEL', '11', isPesel, 0.6, 0.97, 'pl'),
  rule(
    'PL_NIP',
    '3-3-2-2|3-2-2-3',
    (d) => weighted(d, [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 === d[9] && d[0] !== 0,
    0.7,
    0.96,
    'pl_nip',
  ),
  rule('PL_NIP', '10', (d) => weighted(d, [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 === d[9] && d[0] !== 0, 0, 0.9, 'pl_nip'),
  rule('CZ_SK_RODNE_CISLO', '6/4', isRodneCislo, 0.95, 0.99, 'cz'),
  rule('CZ_SK_RODNE_CISLO', '10', isRodneCislo, 0.45, 0.96, 'cz'),
  rule('SE_PERSONNUMMER', '6-4|8-4', isPersonnummer, 0.85, 0.98, 'se'),
  rule('SE_PERSONNUMMER', '12', isPersonnummer, 0.65, 0.97, 'se'),
  rule('SE_PERSONNUMMER', '10', isPersonnummer, 0.3, 0.93, 'se'),
  rule('NO_FODSELSNUMMER', '11|6 5', isFodselsnummer, 0.85, 0.98, 'no'),
  rule('DK_CPR', '6-4', isCpr, 0.85, 0.98, 'dk'),
  // Numbers given out since 2007 have no check digit.
  rule('DK_CPR', '6-4', isCprDate, 0.3, 0.9, 'dk'),
  rule('DK_CPR', '10', isCpr, 0, 0.93, 'dk'),
  rule('CH_AHV', '3.4.4.2|13', isAhv, 0.95, 0.99, 'ch'),
  rule('AT_SVNR', '4 6|4-6', isSvnr, 0.75, 0.97, 'at'),
  rule('AT_SVNR', '10', isSvnr, 0.3, 0.95, 'at'),
  rule('RO_CNP', '13', isCnp, 0.85, 0.98, 'ro'),
  rule('BG_EGN', '10', isEgn, 0.4, 0.96, 'bg'),
  rule('HR_OIB', '11', (d) => mod11of10(d, 11) && !allEqual(d, 11), 0, 0.95, 'hr'),
  rule('EE_ISIKUKOOD', '11', isBaltic, 0.3, 0.96, 'ee'),
  rule('LT_ASMENS_KODAS', '11', isBaltic, 0.3, 0.95, 'lt'),
  rule(
    'LV_PERSONAS_KODS',
    '6-5',
    (d) =>
      isDay(two(d, 4), two(d, 2), two(d, 0)) && (1101 - weighted(d, [1, 6, 3, 7, 9, 10, 5, 8, 4, 2])) % 11 === d[10],
    0.85,
    0.97,
    'lv',
  ),
  rule('RS_JMBG', '13', isJmbg, 0.75, 0.97, 'rs'),
  rule('GR_AMKA', '11', isAmka, 0.4, 0.96, 'gr'),
  rule(
    'GR_AFM',
    '9',
    (d) => (weighted(d, [256, 128, 64, 32, 16, 8, 4, 2]) % 11) % 10 === d[8] && !allEqual(d, 9),
    0,
    0.92,
    'gr_afm',
  ),
  rule(
    'HU_TAJ',
    '9|3 3 3|3-3-3',
    (d) => weighted(d, [3, 7, 3, 7, 3, 7, 3, 7]) % 10 === d[8] && !allEqual(d, 9),
    0,
    0.93,
    'hu',
  ),
  rule(
    'HU_TAX_ID',
    '10',
    (d) => d[0] === 8 && weighted(d, [1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 === d[9],
    0,
    0.95,
    'hu_tax',
  ),
  rule('PT_NIF', '9|3 3 3', isNif, 0, 0.93, 'pt'),
  rule('UA_RNOKPP', '10', (d) => (weighted(d, [-1, 5, 7, 9, 4, 6, 10, 5, 7]) % 11) % 10 === d[9], 0, 0.92, 'ua'),
  rule('RU_INN', '12', isInn12, 0.3, 0.95, 'ru_inn'),
  rule(
    'RU_INN',
    '10',
    (d) => (weighted(d, [2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11) % 10 === d[9] && !allEqual(d, 10),
    0,
    0.9,
    'ru_inn',
  ),
  rule('RU_SNILS', '3-3-3 2', isSnils, 0.93, 0.98, 'ru_snils'),
  rule('RU_SNILS', '11', isSnils, 0, 0.93, 'ru_snils'),
]
