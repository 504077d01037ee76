// Cedar's `like`: literal text with `*` for any run of characters. Must never backtrack: segments are found from left
// to right, which is exact for this kind of pattern, so a hostile text costs at most length × segment.

export type Pattern = {
  /** The literal texts between the wildcards, in order. One segment: no wildcard at all. */
  readonly segments: readonly string[]
}

/** Parts in order; null is a wildcard. Adjacent literals are joined, adjacent wildcards are one. */
export function patternOf(parts: readonly (string | null)[]): Pattern {
  const segments: string[] = []
  let current: string[] = []
  for (const part of parts) {
    if (part !== null) {
      current.push(part)
      continue
    }
    if (segments.length === 0 || current.length > 0) segments.push(current.join(''))
    current = []
  }
  segments.push(current.join(''))
  return { segments }
}

export function matchesPattern(text: string, { segments }: Pattern): boolean {
  const first = segments[0] ?? ''
  if (segments.length === 1) return text === first
  const last = segments.at(-1) ?? ''
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  const end = text.length - last.length
  let at = first.length
  for (let index = 1; index < segments.length - 1; index++) {
    const segment = segments[index] ?? ''
    const found = text.indexOf(segment, at)
    if (found === -1 || found + segment.length > end) return false
    at = found + segment.length
  }
  return true
}

export function writePattern({ segments }: Pattern): string {
  return segments.map((segment) => segment.replaceAll('*', '\\*')).join('*')
}
