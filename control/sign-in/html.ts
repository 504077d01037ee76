// HTML that cannot be injected into: `html` escapes every value put into it unless it is HTML made here.
// Must never take markup from a string that came from outside.
export class Html {
  readonly #text: string
  constructor(text: string, key: symbol) {
    if (key !== made) throw new TypeError('make HTML with html`…`')
    this.#text = text
  }
  toString(): string {
    return this.#text
  }
}

const made = Symbol('made here')

export type HtmlValue = Html | string | number | false | null | undefined | readonly HtmlValue[]

export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = parts[0] ?? ''
  for (const [at, value] of values.entries()) text += written(value) + (parts[at + 1] ?? '')
  return new Html(text, made)
}

function written(value: HtmlValue): string {
  if (value instanceof Html) return value.toString()
  if (typeof value === 'string') return escapeHtml(value)
  if (typeof value === 'number') return String(value)
  if (value === false || value === null || value === undefined) return ''
  return value.map(written).join('')
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

// Also control and bidirectional characters: a display name must not be able to reorder the sentence around it.
export function escapeHtml(text: string): string {
  return text
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
    .replaceAll(/[&<>"'`]/g, (character) => escapes[character] ?? '')
}
