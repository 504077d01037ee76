// Characters that draw text in another order than it is written, or that cannot be seen, made visible: a person's or
// device's name must not dress up as another (Trojan Source, CVE-2021-42574). Must never change what is sent back:
// a resource's `spec` and a recorded `event` pass untouched, and are made plain where they are shown.
const disguises = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
const untouched: ReadonlySet<string> = new Set(['spec', 'event'])

export function plain(text: string): string {
  return text.replace(disguises, '\ufffd')
}

/** The reviver of a reply: every text in it plain, except below `spec` and `event`. */
export function plainReply(value: unknown): unknown {
  if (typeof value === 'string') return plain(value)
  if (Array.isArray(value)) return value.map(plainReply)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, untouched.has(key) ? part : plainReply(part)]),
  )
}

/** JSON in which disguises stand as their escapes. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(disguises, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
