// Path rules that could never match. Requests are compared in their canonical form, so a rule in any other form is
// refused: a deny rule that silently matches nothing protects nothing.
import type { PathRule } from '#core/records/app.ts'
import { canonicalPath, type PathRefusal } from '#transport/path.ts'

const refusals: Readonly<Record<PathRefusal, string>> = {
  'not-absolute': 'it does not begin with /',
  'too-long': 'it is too long',
  'bad-character': 'a character in it needs an escape (%C3%A9) or is never let through',
  'bad-escape': 'a % in it is not followed by two hexadecimal digits',
  'bad-utf8': 'its escapes are not UTF-8',
  'encoded-separator': 'it has an encoded / or \\',
  'double-encoding': 'it is encoded twice',
  'dot-segment': 'it has a segment of dots',
  'empty-segment': 'it has an empty segment (//)',
  'path-parameter': 'it has a ;',
}

/** What is wrong with it, or null. */
export function pathRuleFault({ path }: Pick<PathRule, 'path'>): string | null {
  const base = path.endsWith('/*') ? path.slice(0, -1) : path
  if (base.includes('*')) return 'a * stands only at the end, after a /'
  const read = canonicalPath(base)
  if (!read.ok) return `no request could match: ${refusals[read.reason]}`
  if (read.query !== '' || read.canonicalPath !== base)
    return `no request could match: write it as ${read.canonicalPath}${base === path ? '' : '*'}`
  return null
}
