// Dates of birth: a day that exists, written as people write it, beside a word about birth. Never without the word.
import { classOf, DIGIT } from '#inspection/text/byte-class.ts'
import { isDay } from '#inspection/text/checksums.ts'
import type { NumberChain } from '#inspection/text/number-chain.ts'
import { familyIndexes, type Page } from '#inspection/text/page.ts'

const birthWords = familyIndexes(['birth'])
const months =
  'jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|januar|februar|märz|mai|juni|juli|oktober|dezember|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre'
const before = new RegExp(
  `(?:\\d{1,2}(?:st|nd|rd|th|\\.)?(?: of)?[ -](?:${months})\\.?,?[ -]|(?:${months})\\.? \\d{1,2}(?:st|nd|rd|th)?,? )$`,
  'i',
)

export function findBirthDate(page: Page, chain: NumberChain): void {
  const first = chain.size(0)
  if (chain.groups >= 3 && first <= 4 && chain.size(1) <= 2) {
    const last = chain.size(2)
    const [a, b, c] = [chain.value(page.bytes, 0), chain.value(page.bytes, 1), chain.value(page.bytes, 2)]
    const isIso = first === 4 && last <= 2 && isDay(a, b, c) && a > 1850 && a < 2200
    const year = last === 2 ? 1900 + c : c
    const isEnd =
      first <= 2 && (last === 4 || last === 2) && year > 1850 && year < 2200 && (isDay(year, b, a) || isDay(year, a, b))
    if (isIso || isEnd) report(page, chain.starts[0] ?? 0, chain.ends[2] ?? 0)
  }
  if (chain.groups === 1 && first === 4) {
    const start = chain.starts[0] ?? 0
    const century = page.bytes[start]
    if (century !== 0x31 && century !== 0x32) return
    if (page.bytes[start - 1] !== 0x20) return
    const from = Math.max(0, start - 26)
    if (!hasDigit(page.bytes, from, start)) return
    const match = before.exec(page.bytes.toString('utf8', from, start))
    if (match) report(page, start - Buffer.byteLength(match[0]), chain.ends[0] ?? 0)
  }
}

/** The day of the month, without which a year is only a year. */
function hasDigit(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (classOf[bytes[at] as number] === DIGIT) return true
  return false
}

function report(page: Page, start: number, end: number): void {
  page.context.look(start, end)
  const distance = page.context.nearest(birthWords)
  if (distance >= 0) page.add('DATE_OF_BIRTH', start, end, distance <= 40 ? 0.92 : 0.7)
}
