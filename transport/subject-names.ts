// The URIs among a certificate's subject alternative names (RFC 5280, 4.2.1.6), read from its structure: in Node's
// printed list a comma inside a name once looked like the start of the next one (CVE-2021-44532). Must never return a
// part of a name, nor a name of another kind.
import { readDer, tags, type DerValue } from './der.ts'

const SUBJECT_ALTERNATIVE_NAME = Buffer.from([0x55, 0x1d, 0x11])
const EXTENSIONS = 0xa3
const VERSION = 0xa0
const URI = 0x86

/** Of a certificate's DER. Throws `RangeError` when the structure is not plain DER. */
export function uriNames(certificate: Uint8Array, maxNames: number): readonly string[] {
  const [toBeSigned] = within(only(readDer(certificate), tags.sequence), tags.sequence)
  const parts = within(toBeSigned, tags.sequence)
  if (parts[0]?.tag !== VERSION) return []
  const wrapped = parts.filter(({ tag }) => tag === EXTENSIONS)
  if (wrapped.length === 0) return []
  if (wrapped.length > 1) throw new RangeError('extensions twice')
  const extensions = within(only(readDer(contentOf(wrapped[0], EXTENSIONS)), tags.sequence), tags.sequence)
  const found = extensions.map(namesIn).filter((names) => names !== undefined)
  if (found.length > 1) throw new RangeError('names twice')
  const names = found[0] ?? []
  if (names.length > maxNames) throw new RangeError('too many names')
  return names.filter(({ tag }) => tag === URI).map(({ content }) => textOf(content))
}

/** The general names of an extension, if it is the one that holds them. */
function namesIn(extension: DerValue): readonly DerValue[] | undefined {
  const [id, ...rest] = within(extension, tags.sequence)
  const value = rest.length === 2 && rest[0]?.tag === tags.boolean ? rest[1] : rest.length === 1 ? rest[0] : undefined
  if (Buffer.compare(contentOf(id, tags.objectIdentifier), SUBJECT_ALTERNATIVE_NAME) !== 0) return undefined
  return within(only(readDer(contentOf(value, tags.octetString)), tags.sequence), tags.sequence)
}

function within(value: DerValue | undefined, tag: number): readonly DerValue[] {
  return readDer(contentOf(value, tag))
}

function contentOf(value: DerValue | undefined, tag: number): Uint8Array {
  if (value?.tag !== tag) throw new RangeError('another tag than expected')
  return value.content
}

function only(values: readonly DerValue[], tag: number): DerValue {
  const [value, ...others] = values
  if (value?.tag !== tag || others.length > 0) throw new RangeError('not exactly one value')
  return value
}

/** IA5String: ASCII, here without control characters. */
function textOf(content: Uint8Array): string {
  if (content.some((byte) => byte < 0x20 || byte > 0x7e)) throw new RangeError('a URI that is no text')
  return Buffer.from(content).toString('latin1')
}
