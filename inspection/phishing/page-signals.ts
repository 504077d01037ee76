// Gathers from a page, as its HTML streams by, what phishing pages have in common: where a password goes, whose brand the
// page wears, whose pictures it borrows, what its scripts hide. Must keep no more of the page than the caps allow.
import { Parser } from 'htmlparser2'
import { type Address, readAddress } from './address.ts'
import { type Brand, brands } from './brands.ts'
import { phishingCaps } from './caps.ts'
import { foldLetters } from './confusables.ts'

export type PageSignals = {
  readonly passwordFields: number
  readonly cardFields: number
  /** Host that a form with a password or card field sends to, where it is another owner's. */
  readonly formElsewhere: string
  /** A form that sends to a place where kits collect: a bot, a form relay, a bare address. */
  readonly formToCollector: string
  readonly titleBrand: string
  /** The title spells the brand with letters of another script. */
  readonly isTitleFolded: boolean
  readonly textBrand: string
  readonly hotlinked: string
  readonly hotlinkedCount: number
  readonly obfuscation: string
  readonly hiddenFrames: number
  readonly deadLinks: number
  readonly liveLinks: number
  readonly blocksMenu: boolean
  readonly refreshElsewhere: string
  /** The page was longer than is looked at. */
  readonly isPartial: boolean
}

const collectors =
  /^(?:api\.telegram\.org|discord(?:app)?\.com|formspree\.io|formsubmit\.co|getform\.io|webhook\.site|submit-form\.com|script\.google\.com|[a-z0-9-]+\.ngrok(?:-free)?\.(?:io|app)|[a-z0-9-]+\.requestcatcher\.com)$/
const cardName = /(?:card.?(?:num|no|number)|cc.?num|ccnumber|cvv|cvc|card.?holder|security.?code)/i

export class PageReader {
  readonly #page: Address
  readonly #isOwner: (brand: Brand, page: Address) => boolean
  readonly #brands: readonly Brand[]
  readonly #parser: Parser
  #read = 0
  #elements = 0
  #inside: 'title' | 'script' | 'skip' | '' = ''
  #title = ''
  #text = ''
  #script = ''
  #form = { target: '', isSecret: false }
  #found = {
    passwordFields: 0,
    cardFields: 0,
    formElsewhere: '',
    formToCollector: '',
    hotlinked: '',
    hotlinkedCount: 0,
    obfuscation: '',
    hiddenFrames: 0,
    deadLinks: 0,
    liveLinks: 0,
    blocksMenu: false,
    refreshElsewhere: '',
    isPartial: false,
  }

  constructor(page: Address, own: readonly Brand[] = []) {
    this.#page = page
    this.#brands = [...own, ...brands]
    this.#isOwner = ({ domains }, { registrable, host }) => domains.includes(registrable) || domains.includes(host)
    this.#parser = new Parser(
      {
        onopentag: (name, attributes) => this.#open(name, attributes),
        ontext: (text) => this.#words(text),
        onclosetag: (name) => this.#close(name),
      },
      { decodeEntities: true, lowerCaseTags: true },
    )
  }

  push(text: string): void {
    if (this.#found.isPartial) return
    this.#read += text.length
    if (this.#read > phishingCaps.maxPageChars) {
      this.#found.isPartial = true
      return
    }
    this.#parser.write(text)
  }

  end(): PageSignals {
    this.#parser.end()
    this.#closeForm()
    const title = this.#brandIn(this.#title)
    return {
      ...this.#found,
      titleBrand: title.name,
      isTitleFolded: title.isFolded,
      textBrand: this.#brandIn(this.#text).name,
    }
  }

  #open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (++this.#elements > phishingCaps.maxPageElements * 10) return
    if (name === 'title') this.#inside = 'title'
    else if (name === 'script') {
      this.#inside = 'script'
      this.#script = ''
      this.#asset(attributes['src'])
    } else if (name === 'style') this.#inside = 'skip'
    else if (name === 'form') {
      this.#closeForm()
      this.#form = { target: attributes['action'] ?? '', isSecret: false }
    } else if (name === 'input') this.#input(attributes)
    else if (name === 'button' && attributes['formaction']) this.#form.target = attributes['formaction']
    else if (name === 'img' || name === 'source') this.#asset(attributes['src'])
    else if (name === 'link') this.#asset(attributes['href'])
    else if (name === 'iframe' || name === 'frame') this.#frame(attributes)
    else if (name === 'a') this.#link(attributes['href'])
    else if (name === 'meta' && attributes['http-equiv']?.toLowerCase() === 'refresh')
      this.#refresh(attributes['content'] ?? '')
    if (attributes['oncontextmenu']?.includes('false')) this.#found.blocksMenu = true
    if (attributes['alt']) this.#keep(` ${attributes['alt']}`)
  }

  #input(attributes: Readonly<Record<string, string>>): void {
    const type = (attributes['type'] ?? 'text').toLowerCase()
    const purpose = attributes['autocomplete'] ?? ''
    if (type === 'hidden' || type === 'submit') return
    const named = `${attributes['name'] ?? ''} ${attributes['id'] ?? ''} ${attributes['placeholder'] ?? ''}`
    // Kits use text fields drawn as dots, so that browsers do not warn.
    const isPassword =
      type === 'password' || /(?:current|new)-password/.test(purpose) || /text-security/.test(attributes['style'] ?? '')
    const isCard = purpose.startsWith('cc-') || cardName.test(named)
    if (isPassword) this.#found.passwordFields++
    else if (isCard) this.#found.cardFields++
    if (isPassword || isCard) this.#form.isSecret = true
  }

  #closeForm(): void {
    const { target, isSecret } = this.#form
    this.#form = { target: '', isSecret: false }
    if (!isSecret || target === '') return
    const to = this.#elsewhere(target)
    if (to === null) return
    this.#found.formElsewhere ||= to.host
    if (to.isIp || collectors.test(to.host)) this.#found.formToCollector ||= to.host
  }

  /** The address when the reference leads to another owner. */
  #elsewhere(reference: string): Address | null {
    if (!/^\s*(?:https?:)?\/\//i.test(reference)) return null
    const address = readAddress(reference)
    return address.kind === 'address' && address.registrable !== this.#page.registrable ? address : null
  }

  #asset(reference: string | undefined): void {
    const to = reference === undefined ? null : this.#elsewhere(reference)
    if (to === null || this.#found.hotlinkedCount > phishingCaps.maxPageElements) return
    const owner = this.#brands.find((brand) => this.#isOwner(brand, to))
    // Fonts, maps, players and widgets of these are everywhere.
    if (
      owner === undefined ||
      /^(?:google|facebook|twitter|instagram|linkedin|cloudflare|github|wordpress|stripe|visa|mastercard|adobe|booking)$/.test(
        owner.name,
      )
    )
      return
    if (this.#isOwner(owner, this.#page)) return
    this.#found.hotlinked ||= owner.name
    this.#found.hotlinkedCount++
  }

  #frame({ src = '', style = '', width = '', height = '', ...rest }: Readonly<Record<string, string>>): void {
    const isHidden =
      'hidden' in rest ||
      /display:\s*none|visibility:\s*hidden|opacity:\s*0(?![.\d])/i.test(style) ||
      /^[01](?:px)?$/.test(width) ||
      /^[01](?:px)?$/.test(height)
    if (isHidden && this.#elsewhere(src) !== null) this.#found.hiddenFrames++
  }

  #link(href: string | undefined): void {
    if (href === undefined) return
    if (/^\s*(?:#|javascript:|$)/i.test(href)) this.#found.deadLinks++
    else this.#found.liveLinks++
  }

  #refresh(content: string): void {
    const to = this.#elsewhere(/url\s*=\s*['"]?([^'"\s]+)/i.exec(content)?.[1] ?? '')
    if (to !== null) this.#found.refreshElsewhere ||= to.host
  }

  #words(text: string): void {
    if (this.#inside === 'title') this.#title = (this.#title + text).slice(0, 300)
    else if (this.#inside === 'script') {
      if (this.#script.length < phishingCaps.maxScriptChars)
        this.#script += text.slice(0, phishingCaps.maxScriptChars - this.#script.length)
    } else if (this.#inside === '') this.#keep(text)
  }

  #keep(text: string): void {
    if (this.#text.length < phishingCaps.maxPageTextChars) this.#text += text.slice(0, 2000)
  }

  #close(name: string): void {
    if (name === 'form') this.#closeForm()
    if (name === 'script') {
      this.#found.obfuscation ||= obfuscationOf(this.#script)
      if (/oncontextmenu\s*=\s*(?:function|\(|\w+\s*=>)[^}]{0,80}(?:false|preventDefault)/.test(this.#script))
        this.#found.blocksMenu = true
      this.#script = ''
    }
    if (name === 'title' || name === 'script' || name === 'style') this.#inside = ''
  }

  /** A brand's own name as words; names of up to three letters are too common to mean anything in prose. */
  #brandIn(text: string): { readonly name: string; readonly isFolded: boolean } {
    const lower = text.toLowerCase()
    const folded = foldLetters(lower)
    const [words, foldedWords] = [wordsOf(lower), wordsOf(folded)]
    for (const brand of this.#brands) {
      if (this.#isOwner(brand, this.#page)) continue
      for (const name of brand.names) {
        if (name.length < 4 || everyday.has(name)) continue
        if (words.has(name)) return { name: brand.name, isFolded: false }
        if (foldedWords.has(name)) return { name: brand.name, isFolded: true }
      }
    }
    return { name: '', isFolded: false }
  }
}

/** Names that are words of their language. */
const everyday = new Set([
  'line',
  'visa',
  'chase',
  'orange',
  'booking',
  'ledger',
  'phantom',
  'discord',
  'interac',
  'kraken',
  'steam',
  'zelle',
  'blockchain',
  'evri',
  'aeon',
  'resona',
])

const wordsOf = (text: string): ReadonlySet<string> => {
  const single = text.split(/[^\p{L}\p{N}]+/u).filter(Boolean)
  // `wells fargo` and `american express` are one name in two words.
  return new Set([...single, ...single.slice(1).map((word, at) => `${single[at] ?? ''}${word}`)])
}

/** What a script does to hide what it does; '' when nothing. */
export function obfuscationOf(script: string): string {
  if (/document\.write(?:ln)?\s*\(\s*(?:unescape|atob|decodeURIComponent)\s*\(/.test(script))
    return 'a page written from coded text'
  if (/eval\s*\(\s*(?:unescape|atob|String\.fromCharCode|function\s*\(p,a,c,k,e)/.test(script))
    return 'code made from coded text and run'
  if (/(?:\\x[0-9a-f]{2}){40}/i.test(script) || /(?:%[0-9a-f]{2}){120}/i.test(script))
    return 'a long run of coded characters'
  if ((script.match(/\b_0x[0-9a-f]{4,6}\b/g)?.length ?? 0) > 30) return 'names replaced by numbers'
  if (/(?:String\.fromCharCode\s*\(\s*)(?:\d{1,3}\s*,\s*){40}/.test(script)) return 'text built from numbers'
  return ''
}
