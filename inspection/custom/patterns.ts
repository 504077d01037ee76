// Dictionaries and patterns of the customer. Patterns run on an engine whose time is linear in the text, whatever they say.
import { RE2JS } from 're2js'
import { Fault } from '#core/fault.ts'
import { caps } from '#inspection/caps.ts'
import type { PartInspector } from '#inspection/file/walk.ts'
import { fnv, FNV_SEED, pointsOf, tokensOf } from './tokens.ts'

export type CustomPattern = {
  /** The type of its findings: capitals, digits, underscores. */
  readonly type: string
  readonly confidence: number
  /** Found at least this many times, or not at all. */
  readonly least: number
} & (
  | { readonly kind: 'pattern'; readonly pattern: string }
  | { readonly kind: 'words'; readonly words: readonly string[] }
)

type Place = readonly [start: number, end: number]
type Finder = { readonly rule: CustomPattern; readonly find: (text: string) => readonly Place[] }

const MAX_WORDS = 100_000
const MAX_PHRASE_TOKENS = 8
const MAX_PLACES = 1000

export function customPatterns(rules: readonly CustomPattern[]): PartInspector {
  const finders = rules.map((rule): Finder => ({
    rule,
    find: rule.kind === 'pattern' ? patternFinder(rule.pattern) : wordFinder(rule.words),
  }))
  return {
    name: 'custom',
    look({ text }) {
      if (text === null) return []
      const string = text.toString('utf8', 0, Math.min(text.length, caps.customTextBytes.default))
      const point = pointsOf(string)
      return finders.flatMap(({ rule, find }) => {
        const places = find(string)
        if (places.length < rule.least) return []
        return places.map(([start, end]) => ({
          type: rule.type,
          start: point(start),
          end: point(end),
          confidence: rule.confidence,
        }))
      })
    },
  }
}

function patternFinder(source: string): (text: string) => readonly Place[] {
  if (source.length > caps.patternCharacters.default)
    throw new Fault('document-invalid', {
      hint: `A pattern is longer than ${caps.patternCharacters.default} characters.`,
    })
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(source, RE2JS.MULTILINE)
  } catch (cause) {
    throw new Fault('document-invalid', {
      hint: `The pattern cannot be used: ${cause instanceof Error ? cause.message : ''}.`,
      cause,
    })
  }
  return (text) => {
    const out: Place[] = []
    const matcher = compiled.matcher(text)
    while (out.length < MAX_PLACES && matcher.find())
      if (matcher.end() > matcher.start()) out.push([matcher.start(), matcher.end()])
    return out
  }
}

function wordFinder(words: readonly string[]): (text: string) => readonly Place[] {
  if (words.length > MAX_WORDS)
    throw new Fault('document-invalid', { hint: `A dictionary has more than ${MAX_WORDS} entries.` })
  const phrases = new Map<number, string[]>()
  let longest = 1
  for (const phrase of words) {
    const tokens = tokensOf(phrase).map(({ text }) => text)
    if (tokens.length === 0 || tokens.length > MAX_PHRASE_TOKENS)
      throw new Fault('document-invalid', {
        hint: `An entry of a dictionary has no words, or more than ${MAX_PHRASE_TOKENS}.`,
      })
    longest = Math.max(longest, tokens.length)
    const key = fnv(tokens.join(' '))
    phrases.set(key, [...(phrases.get(key) ?? []), tokens.join(' ')])
  }
  return (text) => {
    const tokens = tokensOf(text)
    const out: Place[] = []
    for (let first = 0; first < tokens.length && out.length < MAX_PLACES; first++) {
      let hash = FNV_SEED
      let phrase = ''
      for (let last = first; last < Math.min(tokens.length, first + longest); last++) {
        const token = tokens[last]
        if (token === undefined) break
        const piece = last === first ? token.text : ` ${token.text}`
        hash = fnv(piece, hash)
        phrase += piece
        if (phrases.get(hash)?.includes(phrase) === true) out.push([tokens[first]?.start ?? 0, token.end])
      }
    }
    return out
  }
}
