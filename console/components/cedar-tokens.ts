// Splits Cedar text into coloured parts, line by line. Only for the eye: the server's parser is the one that counts.
export type TokenKind = 'effect' | 'word' | 'text' | 'note' | 'remark' | 'plain'
export type Token = { readonly kind: TokenKind; readonly text: string }

// Each alternative consumes at least one character and none can backtrack into another: linear in the line's length.
const pattern = /(\/\/.*)|("(?:[^"\\]|\\.)*"?)|(@[A-Za-z_]\w*)|([A-Za-z_]\w*)|([^"@A-Za-z_/]+|[\s\S])/g
const effects = new Set(['permit', 'forbid'])
const keywords = new Set([
  'when',
  'unless',
  'principal',
  'action',
  'resource',
  'context',
  'in',
  'is',
  'has',
  'like',
  'if',
  'then',
  'else',
  'true',
  'false',
])

/** The part that the line begins with; what continues a word or a quoted text is one part. */
export function cedarToken(line: string): { readonly kind: TokenKind; readonly length: number } {
  pattern.lastIndex = 0
  const match = pattern.exec(line)
  return match ? { kind: kindOf(match), length: match[0].length } : { kind: 'plain', length: Math.max(1, line.length) }
}

function kindOf([, remark, quoted, note, word]: RegExpMatchArray): TokenKind {
  if (remark !== undefined) return 'remark'
  if (quoted !== undefined) return 'text'
  if (note !== undefined) return 'note'
  if (word === undefined) return 'plain'
  return effects.has(word) ? 'effect' : keywords.has(word) ? 'word' : 'plain'
}

export function cedarLines(text: string): readonly (readonly Token[])[] {
  return text
    .split('\n')
    .map((line) => [...line.matchAll(pattern)].map((match): Token => ({ kind: kindOf(match), text: match[0] })))
}
