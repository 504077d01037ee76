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

export function cedarLines(text: string): readonly (readonly Token[])[] {
  return text.split('\n').map((line) => {
    const tokens: Token[] = []
    for (const [whole, remark, quoted, note, word] of line.matchAll(pattern)) {
      if (remark !== undefined) tokens.push({ kind: 'remark', text: whole })
      else if (quoted !== undefined) tokens.push({ kind: 'text', text: whole })
      else if (note !== undefined) tokens.push({ kind: 'note', text: whole })
      else if (word !== undefined)
        tokens.push({ kind: effects.has(word) ? 'effect' : keywords.has(word) ? 'word' : 'plain', text: whole })
      else tokens.push({ kind: 'plain', text: whole })
    }
    return tokens
  })
}
