// What pages keep in the URL: plain text only, bounded, one letter of meaning per key; unknown keys are dropped.
import { caps } from './caps.ts'

export type Search<K extends string> = { readonly [key in K]?: string | undefined }

/** Keeps the named keys, as text of bounded length; everything else in the address is ignored. */
export function searchOf<K extends string>(...keys: readonly K[]) {
  return (given: Readonly<Record<string, unknown>>): Search<K> => {
    const kept: { [key in K]?: string } = {}
    for (const key of keys) {
      const value = given[key]
      if (typeof value === 'string' && value !== '')
        kept[key] = value.slice(0, key === 'after' ? caps.cursorCharacters : caps.searchCharacters)
    }
    return kept
  }
}

export function parseSearch(search: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(search))
}

export function stringifySearch(search: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(search)) {
    if (typeof value === 'string' && value !== '') query.set(key, value)
  }
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}
