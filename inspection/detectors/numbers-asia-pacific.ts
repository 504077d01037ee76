// National numbers of Asia, the Pacific and Africa, and numbers of devices. Checks as published by their issuers.
import { allEqual, isDay, luhn, numberOf, verhoeff, weighted, type Digits } from '#inspection/text/checksums.ts'
import type { NumberRule } from './number-rule.ts'

const two = (d: Digits, from: number) => numberOf(d, from, from + 2)

/** GB 11643: region, date of birth, serial, mod 11 with X for 10. */
export function isResidentId(d: Digits, check: number): boolean {
  const region = two(d, 0)
  const year = numberOf(d, 6, 10)
  if (region < 11 || region > 82 || year < 1900 || year > 2099) return false
  if (!isDay(year, two(d, 10), two(d, 12))) return false
  return (12 - (weighted(d, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11)) % 11 === check
}

const isRrnDate = (d: Digits) => (d[6] ?? 9) < 9 && isDay(two(d, 0), two(d, 2), two(d, 4))
const isRrn = (d: Digits) =>
  isRrnDate(d) && (11 - (weighted(d, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10 === d[12]

function isKimlik(d: Digits): boolean {
  if (d[0] === 0) return false
  const odd = (d[0] ?? 0) + (d[2] ?? 0) + (d[4] ?? 0) + (d[6] ?? 0) + (d[8] ?? 0)
  const even = (d[1] ?? 0) + (d[3] ?? 0) + (d[5] ?? 0) + (d[7] ?? 0)
  const ten = (((odd * 7 - even) % 10) + 10) % 10
  return d[9] === ten && d[10] === (odd + even + ten) % 10
}

const isTfn = (d: Digits, n: number) =>
  (n === 9 ? weighted(d, [1, 4, 3, 7, 5, 8, 6, 9, 10]) : weighted(d, [10, 7, 8, 4, 6, 3, 5, 1])) % 11 === 0 &&
  !allEqual(d, n)

const isMedicare = (d: Digits) =>
  (d[0] ?? 0) >= 2 && (d[0] ?? 0) <= 6 && weighted(d, [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === d[8] && d[9] !== 0

const isAbn = (d: Digits) => (weighted(d, [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10) % 89 === 0 && d[0] !== 0

function isMyNumber(d: Digits): boolean {
  const rest = weighted(d, [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11
  return d[11] === (rest < 2 ? 0 : 11 - rest) && !allEqual(d, 12)
}

const isThai = (d: Digits) =>
  d[0] !== 0 && d[0] !== 9 && (11 - (weighted(d, [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 10 === d[12]

function isIin(d: Digits): boolean {
  if (!isDay(two(d, 0), two(d, 2), two(d, 4)) || (d[6] ?? 9) > 6) return false
  let rest = weighted(d, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) % 11
  if (rest === 10) rest = weighted(d, [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11
  return d[11] === rest
}

function isMelli(d: Digits): boolean {
  const rest = weighted(d, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11
  return d[9] === (rest < 2 ? rest : 11 - rest) && !allEqual(d, 10)
}

/** Eight digits count as nine with a zero before them. */
function isIrd(d: Digits, length: number): boolean {
  const value = numberOf(d, 0, length)
  if (value < 10_000_000 || value > 150_000_000) return false
  const last = d[length - 1]
  const isShort = length === 8
  let rest = 11 - (weighted(d, isShort ? [2, 7, 6, 5, 4, 3, 2] : [3, 2, 7, 6, 5, 4, 3, 2]) % 11)
  if (rest === 11) return last === 0
  if (rest !== 10) return last === rest
  rest = 11 - (weighted(d, isShort ? [4, 3, 2, 5, 2, 7, 6] : [7, 4, 3, 2, 5, 2, 7, 6]) % 11)
  return rest !== 10 && last === rest % 11
}

const isSouthAfrican = (d: Digits) => isDay(two(d, 0), two(d, 2), two(d, 4)) && (d[10] ?? 9) < 2 && luhn(d, 0, 13)

const isEgyptian = (d: Digits) =>
  (d[0] === 2 || d[0] === 3) && isDay(two(d, 1) + (d[0] === 2 ? 1900 : 2000), two(d, 3), two(d, 5)) && two(d, 7) <= 88

function isNik(d: Digits): boolean {
  const day = two(d, 6) > 40 ? two(d, 6) - 40 : two(d, 6)
  return two(d, 0) >= 11 && two(d, 0) <= 94 && isDay(two(d, 10), two(d, 8), day) && numberOf(d, 12, 16) > 0
}

const isMyKad = (d: Digits) => isDay(two(d, 0), two(d, 2), two(d, 4)) && two(d, 6) !== 0 && two(d, 6) < 84

const rule = (
  type: string,
  shapes: string,
  check: NumberRule['check'],
  alone: number,
  near: number,
  ...context: NumberRule['context']
): NumberRule => ({ type, shapes: shapes.split('|'), check, alone, near, context })

const aadhaar = (d: Digits) => (d[0] ?? 0) >= 2 && verhoeff(d, 12) && !allEqual(d, 12)
const israeli = (d: Digits) => luhn(d, 0, 9) && !allEqual(d, 9)

export const asiaPacificNumbers: readonly NumberRule[] = [
  rule('IN_AADHAAR', '4 4 4|4-4-4', aadhaar, 0.7, 0.97, 'in_uid'),
  rule('IN_AADHAAR', '12', aadhaar, 0, 0.95, 'in_uid'),
  rule('CN_RESIDENT_ID', '18', (d) => isResidentId(d, d[17] ?? 0), 0.95, 0.99, 'cn', 'id'),
  rule('KR_RRN', '6-7', isRrn, 0.92, 0.98, 'kr'),
  // Numbers given out since October 2020 have no check digit.
  rule('KR_RRN', '6-7', isRrnDate, 0.4, 0.93, 'kr'),
  rule('KR_RRN', '13', isRrn, 0.4, 0.95, 'kr'),
  rule('AU_TFN', '3 3 3|3-3-3|9|8|2 3 3', isTfn, 0, 0.95, 'au_tfn'),
  rule('AU_MEDICARE', '4 5 1|4-5-1', isMedicare, 0.75, 0.97, 'au_medicare'),
  rule('AU_MEDICARE', '10', isMedicare, 0, 0.95, 'au_medicare'),
  rule('AU_ABN', '2 3 3 3', isAbn, 0.75, 0.97, 'au_abn'),
  rule('AU_ABN', '11', isAbn, 0.3, 0.95, 'au_abn'),
  rule('NZ_IRD', '8|9|2-3-3|3-3-3', isIrd, 0, 0.94, 'nz'),
  rule('TR_KIMLIK', '11', isKimlik, 0.65, 0.97, 'tr'),
  rule('ZA_ID', '13|6 4 3|6 4 2 1', isSouthAfrican, 0.8, 0.97, 'za'),
  rule('IL_ID', '9|8-1', israeli, 0, 0.92, 'il'),
  rule('JP_MY_NUMBER', '12|4 4 4|4-4-4', isMyNumber, 0, 0.95, 'jp'),
  rule('TH_ID', '1-4-5-2-1|1 4 5 2 1', isThai, 0.96, 0.99, 'th', 'id'),
  rule('TH_ID', '13', isThai, 0.3, 0.93, 'th'),
  rule('KZ_IIN', '12', isIin, 0.4, 0.96, 'kz'),
  rule('IR_MELLI', '10|3-6-1', isMelli, 0, 0.93, 'ir'),
  rule('SA_NATIONAL_ID', '10', (d) => (d[0] === 1 || d[0] === 2) && luhn(d, 0, 10), 0, 0.92, 'sa'),
  rule('AE_EMIRATES_ID', '3-4-7-1|15', (d) => numberOf(d, 0, 3) === 784 && luhn(d, 0, 15), 0.85, 0.98, 'ae'),
  rule('EG_NATIONAL_ID', '14', isEgyptian, 0.3, 0.9, 'eg'),
  rule('ID_NIK', '16', isNik, 0, 0.93, 'idn'),
  rule('MY_MYKAD', '6-2-4', isMyKad, 0.7, 0.96, 'my'),
  rule('PK_CNIC', '5-7-1', (d) => (d[0] ?? 0) >= 1 && (d[0] ?? 0) <= 7, 0.65, 0.95, 'pk'),
  rule('VN_CCCD', '12', (d) => numberOf(d, 0, 3) >= 1 && numberOf(d, 0, 3) <= 96, 0, 0.85, 'vn'),
  rule('IMEI', '15|2-6-6-1', (d) => luhn(d, 0, 15) && !allEqual(d, 15), 0, 0.95, 'imei'),
  rule('SIM_ICCID', '19|20', (d, n) => two(d, 0) === 89 && luhn(d, 0, n), 0.45, 0.95, 'iccid'),
]
