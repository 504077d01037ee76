// Codes that people write with blanks, hyphens or brackets within, so that no single word holds them: IBAN, and the
// national numbers that end in a letter. Called from the word or number they begin with.
import { ibanChecks } from '#inspection/text/checksums.ts'
import { classOf, isDigit, isWord } from '#inspection/text/byte-class.ts'
import type { NumberChain } from '#inspection/text/number-chain.ts'
import { familyIndexes, type Page } from '#inspection/text/page.ts'
import { icaoCheck } from './code-rule.ts'
import { hetuIsValid, isDni, isHongKongId, isMbi } from './codes-person.ts'
import { ibanForms } from './iban-registry.ts'
import { rutCheck } from './numbers-americas.ts'

const ninoWords = familyIndexes(['nino'])
const dniWords = familyIndexes(['es'])
const rutWords = familyIndexes(['cl'])
const hetuWords = familyIndexes(['fi'])
const hongKongWords = familyIndexes(['hk'])
const mbiWords = familyIndexes(['mbi'])
const bicWords = familyIndexes(['bic', 'iban'])
const nirWords = familyIndexes(['fr_nir', 'ssn'])

/** Two letters and two digits begin at `start`: reads on over single blanks and hyphens. Returns the end, or 0. */
export function findIban(page: Page, start: number): number {
  const { bytes } = page
  const form = ibanForms.get(page.ascii(start, start + 2).toUpperCase())
  if (form === undefined) return 0
  let code = ''
  let at = start
  while (code.length < form.length && at < bytes.length) {
    const byte = bytes[at] ?? 0
    const kind = classOf[byte] ?? 0
    if ((kind & 7) !== 0) code += String.fromCharCode(byte)
    else if ((byte !== 0x20 && byte !== 0x2d) || ((classOf[bytes[at + 1] ?? 0] ?? 0) & 7) === 0) return 0
    at++
  }
  if (code.length < form.length || isWord(bytes[at])) return 0
  const upper = code.toUpperCase()
  if (!form.body.test(upper.slice(4)) || !ibanChecks(upper)) return 0
  const check = Number(upper.slice(2, 4))
  if (check < 2 || check > 98) return 0
  page.add('IBAN_CODE', start, at, 0.99)
  return at
}

/** ISO 3166 codes, and XK. */
const countryCodes = new Set(
  'AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ CA CD CF CG CH CI CK CL CM CN CO CR CU CV CW CY CZ DE DJ DK DM DO DZ EC EE EG ES ET FI FJ FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MG MH MK ML MM MN MO MQ MR MS MT MU MV MW MX MY MZ NA NC NE NG NI NL NO NP NR NZ OM PA PE PF PG PH PK PL PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SY SZ TC TD TG TH TJ TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW'.split(
    ' ',
  ),
)

export function findBic(page: Page, start: number, end: number): void {
  const code = page.ascii(start, end)
  if (!/^[A-Z]{6}[A-Z2-9][A-NP-Z\d](?:[A-Z\d]{3})?$/.test(code) || !countryCodes.has(code.slice(4, 6))) return
  const { context } = page
  context.look(start, end)
  const distance = context.nearest(bicWords)
  if (distance < 0) return
  const isNamed = context.nearest(bicWords.slice(0, 1)) >= 0
  const hasDigit = /\d/.test(code)
  if (isNamed) page.add('SWIFT_CODE', start, end, distance < 30 ? 0.95 : 0.7)
  else if (hasDigit || code.length === 11) page.add('SWIFT_CODE', start, end, 0.55)
}

/** What may follow the digits of a chain: `12345678-Z`, `131052-308T`, `12.345.678-K`, `AB 12 34 56 C`. */
export function findSuffixed(page: Page, chain: NumberChain): void {
  const { bytes } = page
  const { groups, digits } = chain
  const start = chain.starts[0] ?? 0
  const end = chain.ends[groups - 1] ?? 0
  const next = bytes[end]
  if (next !== 0x2d && next !== 0x20 && next !== 0x2b && next !== 0x3a && groups !== 2) return
  if (digits === 8 && (next === 0x2d || next === 0x20) && isLoneLetter(bytes, end + 1)) {
    const code = page.ascii(start, end).replaceAll(/\D/g, '') + page.ascii(end + 1, end + 2).toUpperCase()
    if (isDni(code) && (next === 0x2d || groups > 1))
      page.add('ES_DNI', start, end + 2, page.weigh(start, end + 2, 0.8, 0.98, dniWords))
  }
  if (
    (digits === 7 || digits === 8) &&
    next === 0x2d &&
    (bytes[end + 1] === 0x4b || bytes[end + 1] === 0x6b) &&
    isLoneLetter(bytes, end + 1)
  ) {
    const values = Array.from(page.ascii(start, end).replaceAll(/\D/g, ''), Number)
    if (rutCheck(values, values.length) === 10)
      page.add('CL_RUT', start, end + 2, page.weigh(start, end + 2, groups === 3 ? 0.92 : 0.7, 0.98, rutWords))
  }
  if (groups === 1 && digits === 6 && (next === 0x2d || next === 0x2b)) {
    const code = page.ascii(end + 1, end + 5).toUpperCase()
    if (
      /^\d{3}[\dA-Z]$/.test(code) &&
      !isWord(bytes[end + 5]) &&
      hetuIsValid(page.ascii(start, end), next === 0x2b ? '+' : '-', code.slice(0, 3), code.charAt(3))
    )
      page.add('FI_HETU', start, end + 5, page.weigh(start, end + 5, 0.93, 0.98, hetuWords))
  }
  if (groups === 3 && digits === 6 && next === 0x20) findSpacedNino(page, chain, start, end)
  // Finnish numbers whose check character is a digit are a chain of 6 and 4.
  if (groups === 2 && digits === 10 && bytes[chain.ends[0] ?? 0] === 0x2d && (chain.ends[0] ?? 0) - start === 6) {
    const code = page.ascii(start, end)
    if (hetuIsValid(code.slice(0, 6), '-', code.slice(7, 10), code.charAt(10)))
      page.add('FI_HETU', start, end, page.weigh(start, end, 0.8, 0.98, hetuWords))
  }
  if (bytes[end] === 0x3a && groups === 1 && digits >= 8 && digits <= 10) {
    const token = /^:A[A-F][\w-]{33}(?![\w-])/.exec(page.ascii(end, end + 48))
    if (token) page.add('TELEGRAM_TOKEN', start, end + token[0].length, 0.97)
  }
}

const isLoneLetter = (bytes: Buffer, at: number): boolean =>
  ((classOf[bytes[at] ?? 0] ?? 0) & 6) !== 0 && !isWord(bytes[at + 1])

function findSpacedNino(page: Page, chain: NumberChain, start: number, end: number): void {
  for (let at = 0; at < 3; at++) if ((chain.ends[at] ?? 0) - (chain.starts[at] ?? 0) !== 2) return
  const { bytes } = page
  if (bytes[start - 1] !== 0x20 || isWord(bytes[start - 4]) || !isLoneLetter(bytes, end + 1)) return
  const code =
    page.ascii(start - 3, start - 1) + page.ascii(start, end).replaceAll(/\D/g, '') + page.ascii(end + 1, end + 2)
  if (/^(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]$/.test(code))
    page.add('UK_NINO', start - 3, end + 2, page.weigh(start - 3, end + 2, 0.85, 0.98, ninoWords))
}

/** A short word of letters and digits: `A123456(3)`, `1EG4-TE5-MK73`. */
export function findBracketed(page: Page, start: number, end: number): void {
  const { bytes } = page
  if (bytes[end] === 0x28 && bytes[end + 2] === 0x29 && (isDigit(bytes[end + 1]) || bytes[end + 1] === 0x41)) {
    const body = page.ascii(start, end).toUpperCase()
    if (/^[A-Z]{1,2}\d{6}$/.test(body) && isHongKongId(body, page.ascii(end + 1, end + 2)))
      page.add('HK_ID', start, end + 3, page.weigh(start, end + 3, 0.92, 0.98, hongKongWords))
  }
  if (bytes[end] === 0x2d && end - start === 4) {
    const text = page.ascii(start, start + 13).toUpperCase()
    if (text.charAt(8) === '-' && isMbi(text.replaceAll('-', '')) && !isWord(bytes[start + 13]))
      page.add('US_MBI', start, start + 13, page.weigh(start, start + 13, 0.88, 0.98, mbiWords))
  }
}

/** A French number of Corsica, whose department has a letter: thirteen characters and the key. */
export function findCorsican(page: Page, start: number, end: number): void {
  const text = page.ascii(start, end).toUpperCase()
  if (!/^[1278]\d{4}2[AB]\d{8}$/.test(text)) return
  const number = BigInt(text.slice(0, 13).replace('2A', '19').replace('2B', '18'))
  if (97n - (number % 97n) === BigInt(text.slice(13)))
    page.add('FR_NIR', start, end, page.weigh(start, end, 0.93, 0.99, nirWords))
}

/** Machine-readable zones of passports and cards (ICAO 9303), from a `<` in the first line: two lines of 44, or three of 30. */
export function findMachineReadable(page: Page, at: number): number {
  const { bytes } = page
  let start = at
  while (start > 0 && at - start < 44 && isZone(bytes[start - 1])) start--
  let end = at
  while (end < bytes.length && end - start < 45 && isZone(bytes[end])) end++
  const length = end - start
  if (length === 44 && bytes[start] === 0x50) return readPassport(page, start, end)
  return length === 30 ? readCard(page, start, end) : at
}

const isZone = (byte: number | undefined) =>
  byte !== undefined && (byte === 0x3c || (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a))
const holds = (field: string, check: string) => /^\d$/.test(check) && icaoCheck(field) === Number(check)

function nextLine(bytes: Buffer, end: number): number {
  let at = end
  while (at < bytes.length && at - end < 3 && (bytes[at] === 0x0d || bytes[at] === 0x0a || bytes[at] === 0x20)) at++
  return at
}

function readPassport(page: Page, start: number, end: number): number {
  const from = nextLine(page.bytes, end)
  const line = page.ascii(from, from + 44)
  if (!/^[A-Z0-9<]{9}\d[A-Z<]{3}\d{6}\d[MFX<]\d{6}\d[A-Z0-9<]{14}[\d<]\d$/.test(line)) return end
  const isWhole =
    holds(line.slice(0, 9), line.charAt(9)) &&
    holds(line.slice(13, 19), line.charAt(19)) &&
    holds(line.slice(21, 27), line.charAt(27))
  if (isWhole) page.add('PASSPORT', start, from + 44, 0.99, 'machine-readable zone')
  return from + 44
}

function readCard(page: Page, start: number, end: number): number {
  const first = page.ascii(start, end)
  const from = nextLine(page.bytes, end)
  const line = page.ascii(from, from + 30)
  if (!/^[ACI]/.test(first) || !/^\d{7}[MFX<]\d{7}/.test(line)) return end
  const third = nextLine(page.bytes, from + 30)
  if (
    holds(first.slice(5, 14), first.charAt(14)) &&
    holds(line.slice(0, 6), line.charAt(6)) &&
    holds(line.slice(8, 14), line.charAt(14))
  )
    page.add('ID_CARD', start, third + 30, 0.98, 'machine-readable zone')
  return third + 30
}
