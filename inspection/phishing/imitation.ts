// Where a host or path wears the name of a brand that does not own it: as it is, within a longer word, or misspelt.
// Must never call a brand's own domain an imitation.
import type { Address } from './address.ts'
import { type Brand, brands, officialDomains } from './brands.ts'
import { phishingCaps } from './caps.ts'
import { foldLetters, skeletonOf } from './confusables.ts'
import { wordFinder } from './words.ts'

export type Imitation = {
  readonly isOfficial: boolean
  /** A brand as a whole word, or a longer name within a word: in the registered label, left of it, in the path. */
  readonly inLabel: string
  readonly inSubdomain: string
  readonly inPath: string
  /** A misspelt brand (one or two edits, or look-alike letters). */
  readonly nearLabel: string
  readonly nearSubdomain: string
  /** Labels such as `co.jp` or `com` left of the registered domain. */
  readonly hasSuffixInside: boolean
}

/** Finds the brands of a tenant besides the shared ones. */
export type BrandFinder = (address: Address) => Imitation

const shortName = 4

export function brandFinder(own: readonly Brand[] = []): BrandFinder {
  const all = [...own, ...brands]
  const owned = new Set([...officialDomains, ...own.flatMap(({ domains }) => domains)])
  const names = all.flatMap(({ names }) => names)
  const brandOf = new Map(all.toReversed().flatMap((brand) => brand.names.map((name) => [name, brand.name] as const)))
  const long = wordFinder(
    names.filter((name) => name.length > shortName),
    5,
  )
  const exact = new Set(names)
  const near = new Map<string, string>()
  for (const name of names) {
    if (name.length <= shortName || name.includes('-')) continue
    for (const key of deletionsOf(name, name.length >= 8 ? 2 : 1)) if (!near.has(key)) near.set(key, name)
    near.set(skeletonOf(name), name)
  }

  // One letter left out here meets up to two left out of the name: every single slip, and most double ones.
  const nearOne = (word: string): string | undefined => {
    for (let at = 0; at < word.length; at++) {
      const found = near.get(word.slice(0, at) + word.slice(at + 1))
      if (found !== undefined) return found
    }
    return undefined
  }
  const worn = (text: string, tokens: readonly string[]): string => {
    for (const token of tokens) if (exact.has(token)) return brandOf.get(token) ?? token
    const found = long(text)[0]
    return found === undefined ? '' : (brandOf.get(found) ?? found)
  }
  const misspelt = (tokens: readonly string[]): string => {
    let budget = phishingCaps.maxBrandTokens
    for (const token of tokens) {
      if (token.length <= shortName || token.length > phishingCaps.maxBrandTokenChars || exact.has(token)) continue
      if (--budget < 0) break
      const skeleton = skeletonOf(token)
      const found = near.get(skeleton) ?? nearOne(skeleton)
      if (found !== undefined && distance(skeleton, skeletonOf(found)) <= (found.length >= 8 ? 2 : 1))
        return brandOf.get(found) ?? found
    }
    return ''
  }

  return (address) => {
    if (owned.has(address.registrable)) return { ...nothing, isOfficial: true }
    const shown = address.shownHost === address.host ? address.label : labelShown(address)
    const label = foldLetters(shown)
    const labelTokens = tokensOf(label)
    const left = address.subdomains.join('.')
    const leftShown = address.shownHost === address.host ? left : foldLetters(address.shownHost)
    const leftTokens = tokensOf(leftShown)
    const path = `${address.path}?${address.query}`.toLowerCase().slice(0, 300)
    const inLabel = worn(label, labelTokens)
    const inSubdomain = left === '' ? '' : worn(leftShown, leftTokens)
    return {
      isOfficial: false,
      inLabel: label !== shown && inLabel !== '' ? '' : inLabel,
      inSubdomain,
      inPath: worn(path, tokensOf(path)),
      // Letters of another script folded onto a brand count as misspelling, however exact.
      nearLabel: label !== shown && inLabel !== '' ? inLabel : inLabel !== '' ? '' : misspelt(labelTokens),
      nearSubdomain: inSubdomain !== '' || left === '' ? '' : misspelt(leftTokens),
      hasSuffixInside: /(?:^|[.-])(?:com|net|org|co|ne|or|gov|jp|uk)(?:[.-]|$)/.test(left),
    }
  }
}

const nothing: Imitation = {
  isOfficial: false,
  inLabel: '',
  inSubdomain: '',
  inPath: '',
  nearLabel: '',
  nearSubdomain: '',
  hasSuffixInside: false,
}

function labelShown(address: Address): string {
  const labels = address.shownHost.split('.')
  return labels[address.subdomains.length] ?? address.label
}

function tokensOf(text: string): readonly string[] {
  return text.split(/[^\p{L}\p{N}]+/u).filter(Boolean)
}

/** The word and every word made by leaving out up to `depth` letters. */
function deletionsOf(word: string, depth: number): ReadonlySet<string> {
  const made = new Set([word])
  let layer = [word]
  for (let each = 0; each < depth; each++) {
    const next: string[] = []
    for (const text of layer) {
      for (let at = 0; at < text.length; at++) {
        const shorter = text.slice(0, at) + text.slice(at + 1)
        if (!made.has(shorter)) {
          made.add(shorter)
          next.push(shorter)
        }
      }
    }
    layer = next
  }
  return made
}

/** Edit distance with neighbouring letters swapped counted as one (optimal string alignment). */
function distance(left: string, right: string): number {
  const width = right.length + 1
  let [beforeLast, last] = [Array.from({ length: width }, () => 0), Array.from({ length: width }, (_, at) => at)]
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column < width; column++) {
      const same = left[row - 1] === right[column - 1]
      let least = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      )
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1])
        least = Math.min(least, (beforeLast[column - 2] ?? 0) + 1)
      current.push(least)
    }
    ;[beforeLast, last] = [last, current]
  }
  return last[width - 1] ?? 0
}
