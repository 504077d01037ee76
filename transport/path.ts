// One reading of a request path, for path rules. Must never guess: a path that an upstream could read differently
// from us is refused, not repaired.

export type CanonicalPath =
  | { readonly ok: true; readonly canonicalPath: string; readonly query: string }
  | { readonly ok: false; readonly reason: PathRefusal }

export type PathRefusal =
  | 'not-absolute'
  | 'too-long'
  | 'bad-character'
  | 'bad-escape'
  | 'bad-utf8'
  | 'encoded-separator'
  | 'double-encoding'
  | 'dot-segment'
  | 'empty-segment'
  | 'path-parameter'

const MAX_PATH_BYTES = 8192
// RFC 3986 pchar without `;`, which some servers cut off and others keep.
const literal = /^[A-Za-z0-9\-._~!$&'()*+,=:@]$/
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * `target` is the request target in origin form. The canonical path has every character that needs no escape
 * unescaped and every other in upper-case escapes; it is what rules see and what must be sent upstream.
 */
export function canonicalPath(target: string): CanonicalPath {
  const refuse = (reason: PathRefusal): CanonicalPath => ({ ok: false, reason })
  if (target.length > MAX_PATH_BYTES) return refuse('too-long')
  if (!target.startsWith('/')) return refuse('not-absolute')
  const questionAt = target.indexOf('?')
  const path = questionAt < 0 ? target : target.slice(0, questionAt)
  const query = questionAt < 0 ? '' : target.slice(questionAt)
  // `#` never belongs in a request; control and non-ASCII characters are read differently everywhere.
  if (!/^[\x21\x22\x24-\x7e]*$/.test(path + query) || /[\\<>"{}|^`]/.test(path)) return refuse('bad-character')
  const segments = path.slice(1).split('/')
  const out: string[] = []
  for (const [at, segment] of segments.entries()) {
    const isLast = at === segments.length - 1
    if (segment === '' && !isLast) return refuse('empty-segment')
    const read = readSegment(segment)
    if (!read.ok) return refuse(read.reason)
    out.push(read.text)
  }
  return { ok: true, canonicalPath: `/${out.join('/')}`, query }
}

type Segment = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: PathRefusal }

function readSegment(segment: string): Segment {
  if (/%(?![0-9A-Fa-f]{2})/.test(segment)) return { ok: false, reason: 'bad-escape' }
  const bytes = unescaped(segment)
  let text: string
  try {
    text = strict.decode(bytes)
  } catch {
    return { ok: false, reason: 'bad-utf8' }
  }
  if (/[/\\]/.test(text)) return { ok: false, reason: 'encoded-separator' }
  // Upstreams that decode twice exist: a text that is an escape after one decoding means two things.
  if (/%[0-9A-Fa-f]{2}|%u[0-9A-Fa-f]{4}/i.test(text)) return { ok: false, reason: 'double-encoding' }
  if (/[\p{Cc}\u2028\u2029\ufeff]/u.test(text)) return { ok: false, reason: 'bad-character' }
  // Full-width and other look-alikes fold to these under NFKC, which some file systems and frameworks apply.
  const folded = text.normalize('NFKC')
  if (folded !== text && /[/\\%;]|^\.{1,2}$/.test(folded)) return { ok: false, reason: 'bad-character' }
  if (text.includes(';')) return { ok: false, reason: 'path-parameter' }
  // Windows drops trailing dots and blanks, so that `... ` is a dot segment there.
  if (/^\.[. ]*$/.test(text) || /^ +\.*$/.test(text)) return { ok: false, reason: 'dot-segment' }
  return { ok: true, text: escaped(Buffer.from(text, 'utf8')) }
}

function unescaped(segment: string): Buffer {
  const latin1 = segment.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(latin1, 'latin1')
}

function escaped(bytes: Buffer): string {
  let out = ''
  for (const byte of bytes) {
    const character = String.fromCharCode(byte)
    out += literal.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
