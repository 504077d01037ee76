// The form of a detector for codes of letters and digits in one word. `pattern` and `check` see the word in upper case;
// a word in lower case counts only with context, one in mixed case never. Must never run on words that fit no size.
import type { Family } from '#inspection/text/context.ts'

export type CodeRule = {
  readonly type: string
  /** Characters, and how many of them are letters: both least and most. */
  readonly length: readonly [number, number]
  readonly letters: readonly [number, number]
  readonly pattern: RegExp
  readonly check?: (code: string) => boolean
  readonly alone: number
  readonly near: number
  readonly context: readonly Family[]
}

/** Letters as 10 … 35, as ISO and ICAO count them. */
export const valueOf = (character: string): number => {
  const code = character.charCodeAt(0)
  return code <= 57 ? code - 48 : code - 55
}

/** ICAO 9303: weights 7, 3, 1, the filler being 0. */
export function icaoCheck(text: string): number {
  let sum = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    sum += (character === '<' ? 0 : valueOf(character)) * ([7, 3, 1][at % 3] ?? 0)
  }
  return sum % 10
}
