// Judges a page together with its URL: `open → push chunks → end`. The weights are set by hand, in log-odds, because there
// is no set of pages to learn from; docs/phishing-model.md says so. Must never hold back a page that asks for nothing.
import { readAddress } from './address.ts'
import { type Brand, officialDomains, wellKnownDomains } from './brands.ts'
import { PageReader, type PageSignals } from './page-signals.ts'
import { openUrlModel, type UrlModel, type UrlVerdict } from './url-model.ts'

/** What is known besides the page; what is unknown is left out and counts for nothing. */
export type PageContext = {
  readonly isFirstSeenByTenant?: boolean
  readonly certificateAgeDays?: number
  /** Organisation of the certificate's issuer. */
  readonly certificateIssuer?: string
  readonly isCertificateTrusted?: boolean
  readonly charset?: string
}

export type PageVerdict = {
  readonly verdict: 'phishing' | 'suspicious' | 'clean' | 'unreadable'
  readonly score: number
  readonly reason: string
  /** False where the page was longer than is looked at. */
  readonly isWhole: boolean
  readonly url: UrlVerdict
}

export type PageJudge = { push(chunk: Uint8Array): void; end(): PageVerdict }
type Contribution = readonly [weight: number, words: string]

export function openPage(
  url: string,
  context: PageContext = {},
  deps: { readonly model?: UrlModel; readonly brands?: readonly Brand[] } = {},
): PageJudge {
  const model = deps.model ?? openUrlModel(undefined, deps.brands)
  const address = readAddress(url)
  const ofUrl = model.score(url)
  if (address.kind === 'unreadable') return { push() {}, end: () => ({ ...ofUrl, isWhole: false, url: ofUrl }) }
  const own = deps.brands ?? []
  const reader = new PageReader(address, own)
  const decoder = decoderFor(context.charset)
  const isOfficial =
    officialDomains.has(address.registrable) || own.some(({ domains }) => domains.includes(address.registrable))
  return {
    push: (chunk) => reader.push(decoder.decode(chunk, { stream: true })),
    end() {
      const signals = reader.end()
      const asks = signals.passwordFields + signals.cardFields > 0
      const found: Contribution[] = [
        ...weighPage(signals, asks, /^\s*http:/i.test(url)),
        ...(asks ? weighContext(context) : []),
        ...(isOfficial ? ([[-6, "the site is the brand's own"]] as const) : []),
        ...(wellKnownDomains.has(address.registrable) ? ([[-2, 'the site is well known']] as const) : []),
      ]
      // An innocent address vouches for little once its page asks for secrets: kits sit on other people's sites.
      const byUrl = Math.log(ofUrl.score / (1 - ofUrl.score))
      const sum = (asks ? Math.max(byUrl, leastByUrl) : byUrl) + found.reduce((total, [weight]) => total + weight, 0)
      const score = 1 / (1 + Math.exp(-sum))
      const verdict = score > 0.75 ? 'phishing' : score > 0.5 ? 'suspicious' : 'clean'
      const named = found
        .filter(([weight]) => (verdict === 'clean' ? weight < 0 : weight > 0))
        .toSorted((left, right) => Math.abs(right[0]) - Math.abs(left[0]))
        .slice(0, 3)
        .map(([, words]) => words)
      const reason =
        named.length === 0
          ? ofUrl.reason
          : `${opening[verdict]}: ${named.join('; ')}. By its address: ${lowerFirst(ofUrl.reason)}`
      return { verdict, score, reason, isWhole: !signals.isPartial, url: ofUrl }
    },
  }
}

const leastByUrl = -2.5

const opening = {
  phishing: 'The page looks like phishing',
  suspicious: 'The page may be phishing',
  clean: 'Little speaks for phishing',
}
const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)

function weighPage(signals: PageSignals, asks: boolean, isPlainHttp: boolean): readonly Contribution[] {
  const found: Contribution[] = []
  const add = (isTrue: boolean, weight: number, words: string) => {
    if (isTrue) found.push([weight, words])
  }
  add(signals.passwordFields > 0, 0.5, 'it asks for a password')
  add(signals.cardFields > 0, 0.6, 'it asks for a payment card')
  add(asks && isPlainHttp, 0.7, 'it asks over an unprotected connection')
  add(signals.formElsewhere !== '', 1.2, `what is typed goes to another site, ${signals.formElsewhere}`)
  add(signals.formToCollector !== '', 1.5, `what is typed goes to a collecting place, ${signals.formToCollector}`)
  add(asks && signals.titleBrand !== '', 1.3, `its title names "${signals.titleBrand}", whose site this is not`)
  add(!asks && signals.titleBrand !== '', 0.2, `its title names "${signals.titleBrand}", whose site this is not`)
  add(signals.isTitleFolded, 1.5, 'its title spells a brand with look-alike letters')
  add(asks && signals.titleBrand === '' && signals.textBrand !== '', 0.4, `its text names "${signals.textBrand}"`)
  add(asks && signals.hotlinkedCount > 0, 1, `it borrows pictures or styles from "${signals.hotlinked}"`)
  add(signals.obfuscation !== '', asks ? 0.9 : 0.4, `a script hides what it does: ${signals.obfuscation}`)
  add(signals.hiddenFrames > 0, 0.4, 'a hidden frame of another site')
  add(
    asks && signals.deadLinks >= 4 && signals.deadLinks > 3 * signals.liveLinks,
    0.6,
    'most of its links lead nowhere',
  )
  add(asks && signals.blocksMenu, 0.4, "it blocks the browser's menu")
  add(signals.refreshElsewhere !== '', 0.2, `it moves on to ${signals.refreshElsewhere} by itself`)
  // A page that asks for nothing and moves nobody on can take nothing.
  add(
    !asks && signals.refreshElsewhere === '' && signals.obfuscation === '' && !signals.isPartial,
    -0.4,
    'the page asks for no password or card',
  )
  return found
}

function weighContext(context: PageContext): readonly Contribution[] {
  const found: Contribution[] = []
  if (context.isFirstSeenByTenant === true) found.push([0.5, 'nobody in the organisation has been there before'])
  if (context.isFirstSeenByTenant === false) found.push([-0.5, 'people of the organisation go there'])
  const age = context.certificateAgeDays
  if (age !== undefined && age >= 0 && age < 3) found.push([0.4, 'its certificate is hours or days old'])
  if (age !== undefined && age >= 90) found.push([-0.3, 'its certificate is months old'])
  if (context.isCertificateTrusted === false) found.push([0.8, 'its certificate is not trusted'])
  if (/^(?:let's encrypt|zerossl|google trust services|cpanel)/i.test(context.certificateIssuer ?? ''))
    found.push([0.1, 'its certificate was issued without a look at who asks'])
  return found
}

function decoderFor(charset: string | undefined): TextDecoder {
  try {
    return new TextDecoder(charset ?? 'utf-8')
  } catch {
    return new TextDecoder()
  }
}
