// The one pass over a text that finds every built-in type. Hot path: a byte that begins nothing costs a table look-up; words
// are looked at by their class, length and first bytes before any rule runs. Must never use a regular expression on the whole
// text, nor let a finding's cost grow with anything but its own length.
import { findArmour, findAssigned, findPutty, findSecret } from '#inspection/detectors/keys.ts'
import { contextNumbers, personCodes } from '#inspection/detectors/codes-person.ts'
import { thingCodes } from '#inspection/detectors/codes-thing.ts'
import type { CodeRule } from '#inspection/detectors/code-rule.ts'
import {
  findBic,
  findBracketed,
  findCorsican,
  findIban,
  findMachineReadable,
  findSuffixed,
} from '#inspection/detectors/composed.ts'
import { findBirthDate } from '#inspection/detectors/dates.ts'
import { findColonForm, findEmails, findHyphenMac, findIpv4, findUrl } from '#inspection/detectors/network.ts'
import { findPhone } from '#inspection/detectors/phone.ts'
import { walletOf } from '#inspection/detectors/wallets.ts'
import { isInBase64 } from '#inspection/detectors/keys.ts'
import { classOf, DIGIT, LETTER, LOWER, UNDERSCORE, UPPER, WIDE } from './byte-class.ts'
import { NumberChain } from './number-chain.ts'
import { familyIndexes, type Hit, Page } from './page.ts'

const MAX_CODE_BYTES = 18
const MAX_WALLET_BYTES = 95

type Compiled = { readonly rule: CodeRule; readonly families: readonly number[] }
export const codeRules: readonly CodeRule[] = [...personCodes, ...thingCodes]
/** By length and number of letters: most words of letters and digits fit no rule at all. */
const byForm: Compiled[][] = Array.from({ length: 32 * 32 }, () => [])
for (const rule of codeRules)
  for (let length = rule.length[0]; length <= rule.length[1]; length++)
    for (let letters = rule.letters[0]; letters <= Math.min(rule.letters[1], length); letters++)
      byForm[length * 32 + letters]?.push({ rule, families: familyIndexes(rule.context) })

const besideWords = contextNumbers.map(({ context, ...rest }) => ({ ...rest, families: familyIndexes(context) }))
const walletWords = familyIndexes(['wallet'])

const page = new Page()
const chain = new NumberChain()

export type Scanned = { readonly hits: readonly Hit[]; readonly isFull: boolean }

/** All hits in valid UTF-8, unsorted and overlapping; not for more than one text at a time. */
export function scanBytes(bytes: Buffer, maxHits: number, minConfidence = 0): Scanned {
  page.begin(bytes, maxHits, minConfidence)
  findEmails(page)
  passWords(bytes)
  const { hits, isFull } = page
  page.begin(bytes.subarray(0, 0), 0, 0)
  return { hits, isFull }
}

function passWords(bytes: Buffer): void {
  const { length } = bytes
  let at = 0
  while (at < length) {
    let kind = classOf[bytes[at] as number] as number
    if (kind === 0) {
      // `::1` is the only form that begins with nothing of a word.
      if (bytes[at] === 0x3a && bytes[at + 1] === 0x3a && classOf[bytes[at - 1] ?? 0] === 0) {
        const end = findColonForm(page, at)
        at = end > at ? end : at + 2
      } else at++
      continue
    }
    const start = at
    let kinds = 0
    do {
      kinds |= kind
      at++
      kind = at < length ? (classOf[bytes[at] as number] as number) : 0
    } while (kind !== 0)
    if (kinds === DIGIT) {
      at = takeNumber(bytes, start, at)
      continue
    }
    const next = at < length ? (bytes[at] as number) : 0
    // Keys are long words, or begin with a short one and `-` or `.`.
    if (at - start > 15 || ((next === 0x2d || next === 0x2e) && classOf[bytes[at + 1] ?? 0] !== 0)) {
      const end = findSecret(page, start)
      if (end > at) {
        at = end
        continue
      }
    }
    if ((kinds & DIGIT) !== 0) at = takeCode(bytes, start, at, kinds)
    else if (kinds === UPPER) takeCapitals(bytes, start, at)
    if (next === 0x20) {
      // The end of nearly every word of prose: nothing begins with a blank.
      const after = bytes[at + 1]
      if ((after === 0x3d || after === 0x3a) && mayNameSecret(bytes, start, at)) findAssigned(page, start, at)
      at++
    } else if (ends[next] !== 0) at = takeEnd(bytes, start, at, next)
  }
}

/** Bytes behind a word that make it worth a second look. */
const ends = new Uint8Array(256)
for (const byte of Buffer.from(':="\'<-')) ends[byte] = 1

function takeCapitals(bytes: Buffer, start: number, end: number): void {
  const length = end - start
  if (length === 8 || length === 11) findBic(page, start, end)
  else if (length === 5 && bytes[start] === 0x42 && bytes[start - 1] === 0x2d) findArmour(page, start)
}

function takeEnd(bytes: Buffer, start: number, at: number, next: number): number {
  const after = bytes[at + 1]
  if (next === 0x3c) {
    if (after === 0x3c || bytes[start + 1] === 0x3c) return Math.max(at, findMachineReadable(page, at))
    return at
  }
  if (next === 0x2d) {
    if (at - start === 5 && bytes[start] === 0x50 && after === 0x55) findPutty(page, start)
    return at
  }
  if (next === 0x3a) {
    if (after === 0x2f && bytes[at + 2] === 0x2f) {
      findUrl(page, at)
      return at
    }
    if (at - start <= 4 && isHexWord(bytes, start, at)) {
      const end = findColonForm(page, start)
      if (end > at) return end
    }
  }
  if (mayNameSecret(bytes, start, at)) findAssigned(page, start, at)
  return at
}

/** -key, -ret, -ken, -ord, -pwd, -ase, -als, -rer: cheap to ask before anything else is. */
function mayNameSecret(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < 3) return false
  const a = (bytes[end - 2] ?? 0) | 0x20
  const b = (bytes[end - 1] ?? 0) | 0x20
  return (
    (a === 0x65 && (b === 0x79 || b === 0x74 || b === 0x6e || b === 0x72)) ||
    (a === 0x72 && b === 0x64) ||
    (a === 0x77 && b === 0x64) ||
    (a === 0x73 && (b === 0x65 || b === 0x73)) ||
    (a === 0x6c && b === 0x73) ||
    (a === 0x61 && b === 0x6c)
  )
}

function isHexWord(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = (bytes[at] ?? 0) | 0x20
    if (!(byte >= 0x61 && byte <= 0x66) && classOf[bytes[at] ?? 0] !== DIGIT) return false
  }
  return true
}

/** Returns where the pass goes on. */
function takeNumber(bytes: Buffer, start: number, end: number): number {
  const size = end - start
  if (bytes[end] === 0x3a && size <= 4) {
    const after = findColonForm(page, start)
    if (after > end) return after
  }
  if (size === 2 && bytes[end] === 0x2d && bytes[end + 3] === 0x2d) {
    const after = findHyphenMac(page, start)
    if (after > end) return after
  }
  const limit = chain.read(bytes, start, end)
  if (chain.digits < 4 && chain.groups < 4) return limit
  if (size <= 3 && chain.groups >= 4) findFourDotted(bytes)
  if (chain.digits >= 6) {
    chain.match(page)
    findSuffixed(page, chain)
    findPhone(page, chain)
    findBesideWords()
  }
  findBirthDate(page, chain)
  // The letters that a number ends in (`12345678Z` is one word, `5681x8340` another) are not looked at twice.
  return limit
}

function findFourDotted(bytes: Buffer): void {
  for (let first = 0; first + 3 < chain.groups; first++) {
    if (chain.separators[first + 1] !== 3 || chain.separators[first + 2] !== 3 || chain.separators[first + 3] !== 3)
      continue
    const isLonger =
      (first > 0 && chain.separators[first] === 3) || (first + 4 < chain.groups && chain.separators[first + 4] === 3)
    if (isLonger) continue
    const end = chain.ends[first + 3] ?? 0
    if (bytes[end] === 0x2e && classOf[bytes[end + 1] ?? 0] === DIGIT) continue
    findIpv4(page, chain.starts[first] ?? 0, end)
  }
}

/** Numbers that have no form of their own: only where a word names them. */
function findBesideWords(): void {
  if (chain.groups !== 1) return
  const start = chain.starts[0] ?? 0
  const end = chain.ends[0] ?? 0
  if (chain.digits > 17) return
  page.context.look(start, end)
  if (!page.context.hasWords) return
  for (const { type, digits, near, families } of besideWords) {
    if (chain.digits < digits[0] || chain.digits > digits[1]) continue
    const distance = page.context.nearest(families)
    if (distance >= 0) page.add(type, start, end, page.weigh(start, end, 0, near, families) - distance / 400)
  }
}

/** A word with digits and letters. */
function takeCode(bytes: Buffer, start: number, end: number, kinds: number): number {
  const length = end - start
  if ((kinds & WIDE) !== 0) return end
  if (length >= 4 && length <= 34 && (kinds & UNDERSCORE) === 0) {
    const isIban =
      ((classOf[bytes[start] ?? 0] ?? 0) & 6) !== 0 &&
      ((classOf[bytes[start + 1] ?? 0] ?? 0) & 6) !== 0 &&
      classOf[bytes[start + 2] ?? 0] === DIGIT &&
      classOf[bytes[start + 3] ?? 0] === DIGIT
    if (isIban) {
      const after = findIban(page, start)
      if (after > 0) return after
    }
  }
  if (length <= MAX_CODE_BYTES) {
    if (length >= 4) takeShortCode(bytes, start, end, kinds)
    return end
  }
  if (length <= MAX_WALLET_BYTES && (kinds & UNDERSCORE) === 0 && length >= 25) takeWallet(start, end)
  return end
}

function takeShortCode(bytes: Buffer, start: number, end: number, kinds: number): void {
  if (kinds & UNDERSCORE) return
  const length = end - start
  let letters = 0
  for (let at = start; at < end; at++) if (((classOf[bytes[at] as number] as number) & LETTER) !== 0) letters++
  const rules = byForm[length * 32 + letters]
  const next = bytes[end]
  if (next === 0x28 || next === 0x2d) findBracketed(page, start, end)
  if (kinds === (UPPER | DIGIT) && (length === 8 || length === 11)) findBic(page, start, end)
  if (length === 15 && letters === 1) findCorsican(page, start, end)
  if (rules === undefined || rules.length === 0) return
  const isMixed = (kinds & UPPER) !== 0 && (kinds & LOWER) !== 0
  if (isMixed) return
  const code = page.ascii(start, end).toUpperCase()
  for (const { rule, families } of rules) {
    if (!rule.pattern.test(code) || rule.check?.(code) === false) continue
    const alone = (kinds & LOWER) !== 0 ? rule.alone * 0.6 : rule.alone
    const confidence = page.weigh(start, end, alone, rule.near, families)
    if (confidence <= 0 || (confidence < rule.near && isInBase64(bytes, start, end))) continue
    page.add(rule.type, start, end, confidence)
  }
}

function takeWallet(start: number, end: number): void {
  const found = walletOf(page.ascii(start, end), () => {
    page.context.look(start, end)
    return page.context.nearest(walletWords) >= 0
  })
  if (found !== null && !isInBase64(page.bytes, start, end)) page.add(found.type, start, end, found.confidence)
}
