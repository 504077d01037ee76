// Lets a suspicious page load without its teeth: password and card fields disabled, forms pointing nowhere, a banner on top.
// Works on the bytes as they stream by (HTML's marks are ASCII in every encoding it is used with; UTF-16 is refused).
// Must fail closed: what cannot be followed is not passed on. Send `guardHeaders` too: scripts can make new fields.
import { Parser } from 'htmlparser2'
import { phishingCaps } from './caps.ts'

export type PageGuard = {
  /** The bytes that may go out now. */
  push(chunk: Uint8Array): Uint8Array
  end(): Uint8Array
  readonly disabledFields: number
}
export type GuardNotice = { readonly title: string; readonly text: string; readonly link: string }

/** Headers for a guarded page: no form leaves it, however it came to be, and nothing runs in another's name. */
export const guardHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': "form-action 'none'; base-uri 'none'",
}

export type GuardRefusal = { readonly kind: 'refused'; readonly why: string }

export function guardPage(notice: GuardNotice, charset = ''): PageGuard | GuardRefusal {
  if (/utf-?16|utf-?32|utf-?7|ucs-2|iso-2022|hz-gb/i.test(charset))
    return { kind: 'refused', why: `the encoding ${charset} hides its marks` }
  return new Guard(notice)
}

class Guard implements PageGuard {
  readonly #banner: string
  readonly #parser: Parser
  /** Text not yet sent, which starts at this position of the stream. */
  #held = ''
  #heldFrom = 0
  /** Everything before this position is understood. */
  #passed = 0
  #edits: { readonly at: number; readonly text: string }[] = []
  #hasBanner = false
  #isStopped = false
  #isFirst = true
  disabledFields = 0

  constructor(notice: GuardNotice) {
    this.#banner = bannerOf(notice)
    this.#parser = new Parser(
      {
        onopentag: (name, attributes) => this.#tag(name, attributes),
        onclosetag: (_, isImplied) => {
          if (!isImplied) this.#passed = Math.max(this.#passed, this.#parser.endIndex + 1)
        },
        oncomment: () => (this.#passed = Math.max(this.#passed, this.#parser.endIndex + 1)),
        onprocessinginstruction: () => (this.#passed = Math.max(this.#passed, this.#parser.endIndex + 1)),
        ontext: () => (this.#passed = Math.max(this.#passed, this.#parser.endIndex + 1)),
      },
      { decodeEntities: false, lowerCaseTags: true },
    )
  }

  push(chunk: Uint8Array): Uint8Array {
    if (this.#isStopped) return nothing
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    if (this.#isFirst && (text.startsWith('\u00fe\u00ff') || text.startsWith('\u00ff\u00fe'))) return this.#stop()
    if (text !== '') this.#isFirst = false
    this.#held += text
    this.#parser.write(text)
    const ready = this.#release(this.#passed)
    if (this.#held.length > phishingCaps.maxHeldTagChars) return Buffer.concat([ready, this.#stop()])
    return ready
  }

  end(): Uint8Array {
    if (this.#isStopped) return nothing
    this.#parser.end()
    this.#isStopped = true
    if (!this.#hasBanner) this.#edits.push({ at: this.#heldFrom + this.#held.length, text: this.#banner })
    // A tag that never ended is no tag; a browser would drop it as well.
    const open = this.#held.lastIndexOf('<', this.#held.length)
    const isOpen = this.#heldFrom + open >= this.#passed && open >= 0 && !this.#held.includes('>', open)
    const rest = this.#release(this.#heldFrom + (isOpen ? open : this.#held.length))
    return this.#edits.length > 0
      ? Buffer.concat([rest, Buffer.from(this.#edits.map(({ text }) => text).join(''), 'latin1')])
      : rest
  }

  #tag(name: string, attributes: Readonly<Record<string, string>>): void {
    const { startIndex, endIndex } = this.#parser
    this.#passed = Math.max(this.#passed, endIndex + 1)
    if (!this.#hasBanner && !head.has(name)) {
      this.#hasBanner = true
      this.#edits.push({ at: name === 'body' ? endIndex + 1 : startIndex, text: this.#banner })
    }
    if (name === 'input' && isSecret(attributes)) {
      this.disabledFields++
      // Right behind the name, where no attribute can stand before it: of two equal ones the first counts.
      this.#edits.push({
        at: startIndex + 1 + name.length,
        text: ' disabled readonly title="Disabled by your organisation"',
      })
    } else if (name === 'form')
      this.#edits.push({ at: startIndex + 1 + name.length, text: ' action="about:blank" inert' })
    else if (name === 'button' && 'formaction' in attributes)
      this.#edits.push({ at: startIndex + 1 + name.length, text: ' disabled' })
  }

  #release(upTo: number): Uint8Array {
    let out = ''
    let from = this.#heldFrom
    let used = 0
    for (const { at, text } of this.#edits) {
      if (at > upTo) break
      out += this.#held.slice(from - this.#heldFrom, at - this.#heldFrom) + text
      from = at
      used++
    }
    out += this.#held.slice(from - this.#heldFrom, upTo - this.#heldFrom)
    this.#edits.splice(0, used)
    this.#held = this.#held.slice(Math.max(0, upTo - this.#heldFrom))
    this.#heldFrom = Math.max(this.#heldFrom, upTo)
    return out === '' ? nothing : Buffer.from(out, 'latin1')
  }

  #stop(): Uint8Array {
    this.#isStopped = true
    this.#held = ''
    return Buffer.from(this.#hasBanner ? '' : this.#banner, 'latin1')
  }
}

const nothing = new Uint8Array()
const head = new Set(['html', 'head', 'title', 'meta', 'link', 'script', 'style', 'base', 'noscript', 'template'])

function isSecret(attributes: Readonly<Record<string, string>>): boolean {
  const type = (attributes['type'] ?? '').trim().toLowerCase()
  const named = `${attributes['name'] ?? ''} ${attributes['id'] ?? ''} ${attributes['autocomplete'] ?? ''}`
  return (
    type === 'password' ||
    /&#/.test(type) ||
    /passw|pwd|passcode|cc-|cvv|cvc|card.?num|one-time-code|\botp\b/i.test(named)
  )
}

function bannerOf({ title, text, link }: GuardNotice): string {
  const href = link.startsWith('https://') ? ` <a href="${escaped(link)}" style="color:#fff">More</a>` : ''
  return (
    `<div role="alert" style="all:initial;display:block;position:sticky;top:0;z-index:2147483647;padding:12px 16px;` +
    `background:#8a1c1c;color:#fff;font:16px/1.4 system-ui,sans-serif"><strong>${escaped(title)}</strong> ${escaped(text)}${href}</div>` +
    `<style>input[type=password],input[autocomplete*=password],input[autocomplete^=cc-]{pointer-events:none!important;opacity:.4!important}</style>`
  )
}

/** ASCII only, so that it reads alike in every encoding. */
function escaped(text: string): string {
  let out = ''
  for (const each of text) {
    const code = each.codePointAt(0) ?? 0
    out += code > 126 || code < 32 || '<>&"\''.includes(each) ? `&#${code};` : each
  }
  return out
}
