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
export const MAX_GROUP_DIGITS = 20
/** How many next groups there are: a separator and a number of digits. */
export const GROUP_FORMS = (MAX_GROUP_DIGITS + 1) * 6

/** Which of them this is. */
export function groupForm(separator: number, digits: number): number {
  return separator * (MAX_GROUP_DIGITS + 1) + digits
}

/** `3~2~4` → its forms, each a row of groups. */
export function shapeForms(shape: string): readonly (readonly number[])[] {
  const forms = shape.includes('~') ? [' ', '-', '.'].map((one) => shape.replaceAll('~', one)) : [shape]
  return forms.map((form) =>
    Array.from(form.matchAll(/([ ./)-]?)(\d+)/g), ([, separator = '', digits = '']) =>
      groupForm(separatorCode[separator] ?? 0, Number(digits)),
    ),
  )
}
