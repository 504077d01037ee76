// The form of a language: the keys of English, any words. What a translation lacks is shown in English until its test
// is mended; what English does not have does not compile.

/** The same shape with words for letters: a function stays one, with the same arguments. */
export type Words<T> = T extends string
  ? string
  : T extends (...given: infer G) => string
    ? (...given: G) => string
    : { readonly [K in keyof T]: Words<T[K]> }

export type Translation<T> = T extends string
  ? string
  : T extends (...given: infer G) => string
    ? (...given: G) => string
    : { readonly [K in keyof T]?: Translation<T[K]> }

type Tree = { readonly [key: string]: unknown }
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

function fill(base: unknown, over: unknown): unknown {
  if (!isTree(base)) return over ?? base
  const words: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(base)) words[key] = fill(value, isTree(over) ? over[key] : undefined)
  return words
}

/** English, with every word replaced that the translation has. */
export function filled<T>(base: T, over: Translation<T>): Words<T> {
  return fill(base, over) as Words<T>
}
/** Dotted names of what a translation lacks. */
export function lacking(base: unknown, over: unknown, at = ''): readonly string[] {
  if (!isTree(base)) return over === undefined ? [at] : []
  return Object.entries(base).flatMap(([key, value]) =>
    lacking(value, isTree(over) ? over[key] : undefined, at === '' ? key : `${at}.${key}`),
  )
}
