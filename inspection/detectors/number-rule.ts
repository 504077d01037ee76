// The form of a detector for numbers: which groupings of digits it takes, what must hold for the digits, and how sure one
// may be with and without words nearby. Must never match by grouping alone unless it says so in `alone`.
import type { Digits } from '#inspection/text/checksums.ts'
import type { Family } from '#inspection/text/context.ts'

export type NumberRule = {
  readonly type: string
  /**
   * Groupings, by number of digits and the separators between: `16`, `3-2-4`, `3.3.3-2`. `~` stands for a blank, a
   * hyphen or a dot, the same one throughout.
   */
  readonly shapes: readonly string[]
  /** Digit values in order, without separators. */
  readonly check: (digits: Digits, length: number) => boolean
  /** Confidence without a word nearby; 0: never without. */
  readonly alone: number
  /** Confidence with a word of `context` nearby. */
  readonly near: number
  readonly context: readonly Family[]
}

/** The separators that a number may have within, by their codes in a shape's key. */
export const separatorCode: Readonly<Record<string, number>> = { ' ': 1, '-': 2, '.': 3, '/': 4, ')': 5 }
export const MAX_GROUPS = 7
const MAX_GROUP_DIGITS = 20
const GROUP_BASE = (MAX_GROUP_DIGITS + 1) * 6

/** Extends a shape's key by one more group; 0 begins, -1 is no shape. */
export function extendShape(key: number, separator: number, digits: number): number {
  return key < 0 || digits > MAX_GROUP_DIGITS ? -1 : key * GROUP_BASE + separator * (MAX_GROUP_DIGITS + 1) + digits
}

/** `3~2~4` → the keys of its forms. */
export function shapeKeys(shape: string): readonly number[] {
  const forms = shape.includes('~') ? [' ', '-', '.'].map((one) => shape.replaceAll('~', one)) : [shape]
  return forms.map((form) => {
    let key = 0
    for (const [, separator = '', digits = ''] of form.matchAll(/([ ./)-]?)(\d+)/g))
      key = extendShape(key, separatorCode[separator] ?? 0, Number(digits))
    return key
  })
}
