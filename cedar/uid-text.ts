// `User::"alice"` as people write it, to type and id, with Cedar's escapes. Strict: anything else is refused.
import { Fault } from '#core/fault.ts'
import { isTypeName } from '#core/policy/value-json.ts'
import type { UidJson } from './official.ts'

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '0': '\0',
  '\\': '\\',
  "'": "'",
  '"': '"',
}

/** Throws `document-invalid`. */
export function parseUidText(text: string): UidJson {
  const separator = text.indexOf('::"')
  const type = text.slice(0, Math.max(0, separator)).trim()
  if (separator === -1 || !text.endsWith('"') || text.length < separator + 4 || !isTypeName(type)) throw refused(text)
  const inner = text.slice(separator + 3, -1)
  let id = ''
  for (let at = 0; at < inner.length; at++) {
    const character = inner.charAt(at)
    if (character === '"') throw refused(text)
    if (character !== '\\') {
      id += character
      continue
    }
    const rest = inner.slice(at + 1, at + 12)
    const coded = /^(?:u\{([0-9a-fA-F]{1,6})\}|x([0-7][0-9a-fA-F]))/.exec(rest)
    if (coded !== null) {
      const code = Number.parseInt(coded[1] ?? coded[2] ?? '', 16)
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw refused(text)
      id += String.fromCodePoint(code)
      at += coded[0].length
      continue
    }
    const plain = Object.hasOwn(escapes, rest.charAt(0)) ? escapes[rest.charAt(0)] : undefined
    if (plain === undefined) throw refused(text)
    id += plain
    at++
  }
  return { type, id }
}

function refused(text: string): Fault {
  return new Fault('document-invalid', {
    hint: `${JSON.stringify(text.slice(0, 100))} is not an entity such as User::"alice".`,
  })
}
