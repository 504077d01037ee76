// Telephone numbers: international ones by the numbering plans, national ones by how they are written and what stands
// beside them. Must never take a date, an address of the network or a longer number for one.
import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { classOf, isWord, LETTER } from '#inspection/text/byte-class.ts'
import { isDay } from '#inspection/text/checksums.ts'
import type { NumberChain } from '#inspection/text/number-chain.ts'
import { familyIndexes, type Page } from '#inspection/text/page.ts'

const phoneWords = familyIndexes(['phone'])
const otherWords = familyIndexes([
  'card',
  'ssn',
  'iban',
  'account',
  'driver',
  'passport',
  'order',
  'version',
  'ip',
  'zip',
  'street',
  'nhs',
  'npi',
  'tax',
  'id',
  'nino',
  'ca',
  'au_tfn',
  'medical',
  'health',
])
/** Plans that are tried for a national number; the ones whose numbers begin with 0. */
const countries = ['GB', 'DE', 'FR', 'IT', 'NL', 'BE', 'AT', 'CH', 'AU', 'SE', 'JP', 'IN'] as const
const MAX_TRIED_COUNTRIES = countries.length

export function findPhone(page: Page, chain: NumberChain): void {
  const { bytes } = page
  if (isPlainNumber(page, chain)) return
  let start = chain.starts[0] ?? 0
  let end = chain.ends[chain.groups - 1] ?? 0
  let { digits } = chain
  const hasPlus = bytes[start - 1] === 0x2b || (bytes[start - 1] === 0x28 && bytes[start - 2] === 0x2b)
  const isTooLong = digits > 15 && (hasPlus || digits > 18 || bytes[start] !== 0x30)
  if (digits < 6 || isTooLong) return narrow(page, chain)
  const hasBracket = bytes[start - 1] === 0x28 && chain.has(5)
  if (chain.has(4) || isDateLike(page, chain) || isFourDotted(chain)) return
  if (bytes[start - 1] === 0x28 && bytes[start - 2] === 0x2b) start -= 2
  else if (hasPlus || hasBracket) start--
  // A piece of something longer: of an identifier, a version, an object identifier, a range of years or ports.
  const left = bytes[start - 1]
  if (left === 0x2e && digits < 10) return
  if ((left === 0x2d || left === 0x3d || left === 0x5f || left === 0x2f) && isWord(bytes[start - 2]) && !hasPlus) return
  if (isVersionLike(chain) || isRange(page, chain)) return
  const next = bytes[end] ?? 0
  const mayExtend =
    next === 0x78 ||
    next === 0x58 ||
    next === 0x23 ||
    (next === 0x20 && ((bytes[end + 1] ?? 0) | 0x20) !== 0x20 && /^[xe#]$/i.test(page.ascii(end + 1, end + 2)))
  const extension = mayExtend ? /^ ?(?:x|ext\.? ?|#)\d{1,6}(?!\w)/i.exec(page.ascii(end, end + 12)) : null
  const numberEnd = end
  if (extension) end += extension[0].length
  const confidence = rate(page, chain, numberEnd, start, end, hasPlus, hasBracket, extension !== null)
  if (confidence > 0) page.add('PHONE_NUMBER', start, end, confidence)
  else narrow(page, chain)
}

function rate(
  page: Page,
  chain: NumberChain,
  numberEnd: number,
  start: number,
  end: number,
  hasPlus: boolean,
  hasBracket: boolean,
  hasExtension: boolean,
): number {
  const { groups } = chain
  page.context.look(start, end)
  const near = page.context.nearest(phoneWords)
  if (near < 0 && !hasPlus && !hasBracket && !hasExtension && !mayStandAlone(page, chain)) return 0
  const text = page.ascii(start, numberEnd)
  const isBare = groups === 1 && !hasPlus && !hasExtension && !text.startsWith('00')
  if (isBare && near < 0) return 0
  const digits = text.replaceAll(/\D/g, '')
  const other = page.context.nearest(otherWords)
  const isNear = near >= 0 && (other < 0 || near <= other)
  if (hasPlus || (digits.startsWith('00') && digits.length > 9)) {
    const number = parsePhoneNumberFromString(`+${digits.replace(/^00/, '')}`)
    if (number?.isValid() === true) return 0.96
    if (number?.isPossible() === true) return isNear ? 0.88 : 0.65
    return isNear ? 0.8 : 0
  }
  const national = /^(?:001|1|01)?(\d{3})(\d{3})\d{4}$/.exec(digits)
  const isGrouped = groups >= 3 || (groups === 2 && hasBracket)
  if (national !== null && isGrouped && hasNanpGroups(chain)) {
    const isAssignable = /^[2-9]/.test(national[1] ?? '') && /^[2-9]/.test(national[2] ?? '')
    const isBlank = !chain.has(2) && !chain.has(3) && !hasBracket
    if (isAssignable)
      return isNear ? 0.96 : isBlank ? (other >= 0 ? 0.4 : 0.6) : hasExtension || hasBracket ? 0.85 : 0.75
    return isNear ? 0.85 : hasExtension || hasBracket ? 0.65 : digits.length > 10 ? 0.5 : 0.45
  }
  if (hasExtension) return isNear ? 0.85 : groups > 1 ? 0.6 : 0
  if (hasBracket && digits.length >= 8) return isNear ? 0.92 : 0.62
  if (digits.startsWith('0') && groups >= 2 && digits.length >= 9 && digits.length <= 12) {
    if (isNear) return 0.9
    // Without a word only as such numbers are written: an area code of its own, ten or eleven digits in all.
    const isWritten =
      chain.size(0) >= 2 && chain.size(0) <= 5 && !digits.startsWith('00') && /^1[01]$/.test(`${digits.length}`)
    const isValid =
      isWritten &&
      countries
        .slice(0, MAX_TRIED_COUNTRIES)
        .some((country) => parsePhoneNumberFromString(digits, country)?.isValid() === true)
    return isValid && other < 0 ? 0.6 : 0
  }
  if (!isNear) return 0
  // A house number and a street number go straight on with the name of the street; a word about telephones may follow.
  const isFollowed = page.bytes[end] === 0x20 && ((classOf[page.bytes[end + 1] ?? 0] ?? 0) & LETTER) !== 0
  if (digits.length < 8 && isFollowed && near > 6 && near !== 13) return 0
  if ((groups >= 3 ? digits.length >= 6 : digits.length >= 7) && groups >= 2 && digits.length <= 13)
    return near <= 40 ? 0.82 : 0.55
  if (groups === 1 && digits.length >= 7 && digits.length <= 13) return near <= 24 ? 0.72 : 0.45
  return 0
}

/** One group of digits and no sign of a telephone number in or around it: most numbers of a table. */
function isPlainNumber(page: Page, chain: NumberChain): boolean {
  if (chain.groups > 1) return false
  const { bytes } = page
  const start = chain.starts[0] ?? 0
  const end = chain.ends[0] ?? 0
  const [left, first, next] = [bytes[start - 1], bytes[start], bytes[end] ?? 0]
  // `+`, `(`, `00`, and what an extension begins with.
  if (left === 0x2b || left === 0x28 || (first === 0x30 && bytes[start + 1] === 0x30)) return false
  if (next === 0x78 || next === 0x58 || next === 0x23 || (next === 0x20 && !isPlain(bytes[end + 1]))) return false
  page.context.look(start, end)
  return page.context.nearest(phoneWords) < 0
}

const isPlain = (byte = 0): boolean => byte !== 0x78 && byte !== 0x58 && byte !== 0x65 && byte !== 0x45 && byte !== 0x23

/** Written as only telephone numbers are; cheap to ask, and most numbers are not. */
function mayStandAlone({ bytes }: Page, chain: NumberChain): boolean {
  const at = chain.starts[0] ?? 0
  const isZero = bytes[at] === 0x30
  if (isZero && chain.size(0) >= 2 && bytes[at + 1] === 0x30) return chain.digits > 9
  if (isZero && chain.groups >= 2 && (chain.digits === 10 || chain.digits === 11)) return true
  return chain.groups >= 3 && hasNanpGroups(chain)
}

/** Within a longer chain (a house number before it, another number behind it) only the plainest form is taken. */
function narrow(page: Page, chain: NumberChain): void {
  for (let first = 0; first + 2 < chain.groups; first++) {
    if (chain.size(first) !== 3 || chain.size(first + 1) !== 3 || chain.size(first + 2) !== 4) continue
    const one = chain.separators[first + 1] ?? 0
    const two = chain.separators[first + 2] ?? 0
    if (one < 2 || one === 4 || two === 4 || (first > 0 && (chain.separators[first] ?? 0) !== 1)) continue
    const after = first + 3 < chain.groups ? (chain.separators[first + 3] ?? 0) : 0
    if (after > 1) continue
    let start = chain.starts[first] ?? 0
    const end = chain.ends[first + 2] ?? 0
    if (page.bytes[start - 1] === 0x28) start--
    const text = page.ascii(start, end).replaceAll(/\D/g, '')
    if (/^[2-9]..[2-9]/.test(text)) page.add('PHONE_NUMBER', start, end, 0.75)
  }
}

function hasNanpGroups(chain: NumberChain): boolean {
  const last = chain.groups - 1
  return chain.size(last) === 4 && chain.size(last - 1) === 3 && chain.size(last - 2) === 3
}

function isVersionLike(chain: NumberChain): boolean {
  let short = 0
  for (let at = 1; at < chain.groups; at++) if (chain.size(at) === 1) short++
  return short > 1
}

function isRange(page: Page, chain: NumberChain): boolean {
  if (chain.groups !== 2 || chain.size(0) !== 4 || chain.size(1) !== 4 || chain.separators[1] !== 2) return false
  const [from, to] = [chain.value(page.bytes, 0), chain.value(page.bytes, 1)]
  return from < to && ((from >= 1800 && to <= 2200) || to - from <= 1000)
}

function isFourDotted(chain: NumberChain): boolean {
  if (chain.groups !== 4) return false
  for (let at = 1; at < 4; at++) if (chain.separators[at] !== 3 || chain.size(at) > 3) return false
  return true
}

function isDateLike(page: Page, chain: NumberChain): boolean {
  if (chain.groups < 3 || chain.size(1) > 2) return false
  const isFirst = chain.size(0) === 4 && chain.size(2) <= 2
  if (!isFirst && (chain.size(0) > 2 || chain.size(2) !== 4)) return false
  const [a, b, c] = [chain.value(page.bytes, 0), chain.value(page.bytes, 1), chain.value(page.bytes, 2)]
  if (isFirst) return a > 1800 && a < 2200 && isDay(a, b, c)
  return c > 1800 && c < 2200 && (isDay(c, b, a) || isDay(c, a, b))
}
