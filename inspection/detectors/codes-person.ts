// Codes of letters and digits that stand for a person: national numbers, health, travel and driving documents.
import { isDay, type Digits } from '#inspection/text/checksums.ts'
import { type CodeRule, icaoCheck, valueOf } from './code-rule.ts'
import { isResidentId } from './numbers-asia-pacific.ts'

const digitsOf = (text: string): Digits => Array.from(text, Number)
const weigh = (text: string, weights: readonly number[]): number =>
  weights.reduce((sum, weight, at) => sum + weight * valueOf(text.charAt(at)), 0)

const dniLetters = 'TRWAGMYFPDXBNJZSQVHLCKE'
export const isDni = (code: string): boolean => dniLetters[Number(code.slice(0, 8)) % 23] === code.charAt(8)
const isNie = (code: string) => isDni(`${'XYZ'.indexOf(code.charAt(0))}${code.slice(1)}`)

function isCif(code: string): boolean {
  let sum = 0
  for (let at = 1; at < 8; at++) {
    const digit = Number(code.charAt(at))
    sum += at % 2 === 0 ? digit : Math.floor((digit * 2) / 10) + ((digit * 2) % 10)
  }
  const check = (10 - (sum % 10)) % 10
  const last = code.charAt(8)
  return /[KPQRSNW]/.test(code.charAt(0))
    ? last === 'JABCDEFGHI'.charAt(check)
    : last === `${check}` || last === 'JABCDEFGHI'.charAt(check)
}

// Values of characters on odd places, by the ministry's decree of 1976; even places count as they are.
const oddValues = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
function isCodiceFiscale(code: string): boolean {
  // Where two people would share a code, digits are replaced by letters, from the right.
  const plain = Array.from(code, (character, at) =>
    [6, 7, 9, 10, 12, 13, 14].includes(at) && 'LMNPQRSTUV'.includes(character)
      ? `${'LMNPQRSTUV'.indexOf(character)}`
      : character,
  ).join('')
  const day = Number(plain.slice(9, 11))
  if (!isDay(Number(plain.slice(6, 8)), 'ABCDEHLMPRST'.indexOf(plain.charAt(8)) + 1, day > 40 ? day - 40 : day))
    return false
  let sum = 0
  for (let at = 0; at < 15; at++) {
    const value = valueOf(code.charAt(at))
    const index = value < 10 ? value : value - 10
    sum += at % 2 === 0 ? (oddValues[index] ?? 0) : index
  }
  return String.fromCharCode(65 + (sum % 26)) === code.charAt(15)
}

export function hetuIsValid(date: string, century: string, serial: string, check: string): boolean {
  const year = ('+' === century ? 1800 : /[-U-Y]/.test(century) ? 1900 : 2000) + Number(date.slice(4, 6))
  if (!isDay(year, Number(date.slice(2, 4)), Number(date.slice(0, 2))) || Number(serial) < 2) return false
  return '0123456789ABCDEFHJKLMNPRSTUVWXY'.charAt(Number(date + serial) % 31) === check
}

function isPps(code: string): boolean {
  const extra = code.length === 9 && code.charAt(8) !== 'W' ? (code.charCodeAt(8) - 64) * 9 : 0
  const sum = weigh(code, [8, 7, 6, 5, 4, 3, 2]) + extra
  return 'WABCDEFGHIJKLMNOPQRSTUV'.charAt(sum % 23) === code.charAt(7)
}

function isNric(code: string): boolean {
  const first = code.charAt(0)
  const sum = weigh(code.slice(1), [2, 7, 6, 5, 4, 3, 2]) + (first === 'T' || first === 'G' ? 4 : first === 'M' ? 3 : 0)
  if (first === 'M') return 'KLJNPQRTUWX'.charAt(10 - (sum % 11)) === code.charAt(8)
  return (first === 'S' || first === 'T' ? 'JZIHGFEDCBA' : 'XWUTRQPNMLK').charAt(sum % 11) === code.charAt(8)
}

const taiwanLetters = 'ABCDEFGHJKLMNPQRSTUVXYWZIO'
function isTaiwanId(code: string): boolean {
  const letter = taiwanLetters.indexOf(code.charAt(0)) + 10
  return (Math.floor(letter / 10) + (letter % 10) * 9 + weigh(code.slice(1), [8, 7, 6, 5, 4, 3, 2, 1, 1])) % 10 === 0
}

/** Letters and six digits, the check digit in brackets behind: `A123456(3)`. */
export function isHongKongId(body: string, check: string): boolean {
  const padded = body.length === 7 ? ` ${body}` : body
  let sum = check === 'A' ? 10 : Number(check)
  for (let at = 0; at < 8; at++) sum += (padded.charAt(at) === ' ' ? 36 : valueOf(padded.charAt(at))) * (9 - at)
  return sum % 11 === 0
}

const curpAlphabet = '0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ'
function isCurp(code: string): boolean {
  const isDate = isDay(Number(code.slice(4, 6)), Number(code.slice(6, 8)), Number(code.slice(8, 10)))
  let sum = 0
  for (let at = 0; at < 17; at++) sum += curpAlphabet.indexOf(code.charAt(at)) * (18 - at)
  return isDate && (10 - (sum % 10)) % 10 === Number(code.charAt(17))
}

const rfcAlphabet = '0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ'
function isRfc(code: string): boolean {
  const full = code.padStart(13, ' ')
  if (!isDay(Number(full.slice(4, 6)), Number(full.slice(6, 8)), Number(full.slice(8, 10)))) return false
  let sum = 0
  for (let at = 0; at < 12; at++) sum += rfcAlphabet.indexOf(full.charAt(at)) * (13 - at)
  const rest = 11 - (sum % 11)
  return full.charAt(12) === (rest === 11 ? '0' : rest === 10 ? 'A' : `${rest}`)
}

/** Family letter as two digits, then weights 1 and 2 with digit sums (§ 290 SGB V). */
function isKvnr(code: string): boolean {
  const digits = `${code.charCodeAt(0) - 64}`.padStart(2, '0') + code.slice(1, 9)
  let sum = 0
  for (let at = 0; at < 10; at++) {
    const value = Number(digits.charAt(at)) * (at % 2 === 0 ? 1 : 2)
    sum += value > 9 ? value - 9 : value
  }
  return sum % 10 === Number(code.charAt(9))
}

function isDea(code: string): boolean {
  const d = digitsOf(code.slice(2))
  const sum = (d[0] ?? 0) + (d[2] ?? 0) + (d[4] ?? 0) + 2 * ((d[1] ?? 0) + (d[3] ?? 0) + (d[5] ?? 0))
  return sum % 10 === d[6]
}

function isUkDriver(code: string): boolean {
  const month = Number(code.slice(6, 8)) % 50
  return month >= 1 && month <= 12 && Number(code.slice(8, 10)) >= 1 && Number(code.slice(8, 10)) <= 31
}

const rule = (
  type: string,
  size: readonly [length: readonly [number, number], letters: readonly [number, number]],
  pattern: RegExp,
  check: CodeRule['check'],
  alone: number,
  near: number,
  ...context: CodeRule['context']
): CodeRule => ({ type, length: size[0], letters: size[1], pattern, ...(check && { check }), alone, near, context })

const exactly = (length: number, letters: number) =>
  [
    [length, length],
    [letters, letters],
  ] as const
const mbi = /^[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d{2}$/
export const isMbi = (code: string): boolean => mbi.test(code)

export const personCodes: readonly CodeRule[] = [
  rule(
    'UK_NINO',
    exactly(9, 3),
    /^(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]$/,
    undefined,
    0.8,
    0.97,
    'nino',
  ),
  rule(
    'UK_DRIVER_LICENSE',
    [
      [16, 16],
      [3, 9],
    ],
    /^(?=[A-Z]{1,5}9{0,4}\d)[A-Z9]{5}\d[0156]\d{4}[A-Z][A-Z9]\d[A-Z]{2}$/,
    isUkDriver,
    0.85,
    0.97,
    'driver',
  ),
  rule(
    'IT_CODICE_FISCALE',
    [
      [16, 16],
      [9, 16],
    ],
    /^[A-Z]{6}[\dLMNP-V]{2}[A-EHLMPRST][\dLMNP-V]{2}[A-Z][\dLMNP-V]{3}[A-Z]$/,
    isCodiceFiscale,
    0.97,
    0.99,
    'it',
  ),
  rule('ES_DNI', exactly(9, 1), /^\d{8}[A-HJ-NP-TV-Z]$/, isDni, 0.8, 0.98, 'es'),
  rule('ES_NIE', exactly(9, 2), /^[XYZ]\d{7}[A-HJ-NP-TV-Z]$/, isNie, 0.88, 0.98, 'es'),
  rule(
    'ES_CIF',
    [
      [9, 9],
      [1, 2],
    ],
    /^[ABCDEFGHJKLMNPQRSUVW]\d{7}[\dA-J]$/,
    isCif,
    0.45,
    0.95,
    'es',
  ),
  rule(
    'IE_PPS',
    [
      [8, 9],
      [1, 2],
    ],
    /^\d{7}[A-W][ABHW]?$/,
    isPps,
    0.7,
    0.97,
    'ie',
  ),
  rule(
    'FI_HETU',
    [
      [11, 11],
      [1, 2],
    ],
    /^\d{6}[A-FU-Y]\d{3}[\dA-FHJ-NPR-Y]$/,
    (c) => hetuIsValid(c.slice(0, 6), c.charAt(6), c.slice(7, 10), c.charAt(10)),
    0.9,
    0.98,
    'fi',
  ),
  rule(
    'DE_PERSONALAUSWEIS',
    [
      [10, 10],
      [1, 9],
    ],
    /^[CFGHJKLMNPRTVWXYZ][\dCFGHJKLMNPRTVWXYZ]{8}\d$/,
    (c) => icaoCheck(c.slice(0, 9)) === Number(c.charAt(9)),
    0.35,
    0.95,
    'de_id',
  ),
  rule(
    'DE_PERSONALAUSWEIS',
    [
      [9, 9],
      [1, 9],
    ],
    /^[CFGHJKLMNPRTVWXYZ][\dCFGHJKLMNPRTVWXYZ]{8}$/,
    undefined,
    0,
    0.7,
    'de_id',
  ),
  rule('DE_HEALTH_INSURANCE', exactly(10, 1), /^[A-Z]\d{9}$/, isKvnr, 0.4, 0.96, 'health'),
  rule('IN_PAN', exactly(10, 6), /^[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]$/, undefined, 0.7, 0.95, 'in_pan', 'tax'),
  rule(
    'CN_RESIDENT_ID',
    exactly(18, 1),
    /^\d{17}X$/,
    (c) => isResidentId(digitsOf(c.slice(0, 17)), 10),
    0.95,
    0.99,
    'cn',
    'id',
  ),
  rule('TW_ID', exactly(10, 1), /^[A-Z][1289]\d{8}$/, isTaiwanId, 0.6, 0.96, 'tw'),
  rule('SG_NRIC', exactly(9, 2), /^[STFGM]\d{7}[A-Z]$/, isNric, 0.9, 0.98, 'sg'),
  rule(
    'MX_CURP',
    [
      [18, 18],
      [11, 14],
    ],
    /^[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[A-Z\d]\d$/,
    isCurp,
    0.97,
    0.99,
    'mx',
  ),
  rule(
    'MX_RFC',
    [
      [12, 13],
      [3, 7],
    ],
    /^[A-Z]{3,4}\d{6}[A-Z\d]{2}[A\d]$/,
    isRfc,
    0.75,
    0.97,
    'mx_rfc',
  ),
  rule(
    'US_MBI',
    [
      [11, 11],
      [4, 6],
    ],
    mbi,
    undefined,
    0.7,
    0.96,
    'mbi',
  ),
  rule('US_DEA', exactly(9, 2), /^[ABCDEFGHJKLMPRSTUX][A-Z]\d{7}$/, isDea, 0.5, 0.96, 'dea'),
  rule(
    'PASSPORT',
    [
      [7, 9],
      [1, 2],
    ],
    /^[A-Z]{1,2}\d{6,8}$/,
    undefined,
    0,
    0.88,
    'passport',
  ),
  rule(
    'PASSPORT',
    [
      [9, 9],
      [3, 8],
    ],
    /^[CFGHJKLMNPRTVWXYZ][\dCFGHJKLMNPRTVWXYZ]{8}$/,
    undefined,
    0,
    0.8,
    'passport',
  ),
  rule(
    'US_DRIVER_LICENSE',
    [
      [6, 15],
      [1, 4],
    ],
    /^(?:[A-Z]{1,2}\d{4,14}[A-Z]?|\d{2,3}[A-Z]{1,3}\d{4,6}|[A-Z]{3,4}\d{6,8}|\d{7,9}[A-Z])$/,
    undefined,
    0,
    0.85,
    'driver',
  ),
  rule(
    'MEDICAL_RECORD_NUMBER',
    [
      [6, 12],
      [1, 3],
    ],
    /^[A-Z]{1,3}\d{5,10}$/,
    undefined,
    0,
    0.7,
    'medical',
  ),
]

/** Mod 97-like checks do not exist for these: digits only, and only beside the words. */
export const contextNumbers: readonly {
  readonly type: string
  readonly digits: readonly [number, number]
  readonly near: number
  readonly context: CodeRule['context']
}[] = [
  { type: 'US_DRIVER_LICENSE', digits: [7, 14], near: 0.82, context: ['driver'] },
  { type: 'PASSPORT', digits: [8, 9], near: 0.85, context: ['passport'] },
  { type: 'MEDICAL_RECORD_NUMBER', digits: [6, 10], near: 0.65, context: ['medical'] },
  { type: 'US_BANK_ACCOUNT', digits: [8, 17], near: 0.6, context: ['account'] },
]
