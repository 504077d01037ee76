// Counting in words, by the rules of the language; numbers are grouped as the reader expects.
import { language, locale } from './language.ts'

const rules = new Intl.PluralRules(language)
const grouped = new Intl.NumberFormat(locale)

export function count(value: number): string {
  return grouped.format(value)
}

/** "1 flow", "1,204 flows". */
export function plural(value: number, one: string, other: string): string {
  return `${grouped.format(value)} ${rules.select(value) === 'one' ? one : other}`
}
