// HOT: the dense features of one URL (feature-table.ts), without the n-gram scores. Must never look at scheme, `www.`,
// port or trailing slash: sources differ in them for reasons of their own.
import type { Address } from './address.ts'
import { wellKnownDomains } from './brands.ts'
import { mixesScripts } from './confusables.ts'
import { type FeatureName, featureCount, featureNames } from './feature-table.ts'
import { dynamicDns, freeHosting, isUnder, shorteners } from './hosting.ts'
import type { BrandFinder, Imitation } from './imitation.ts'
import type { NameModel } from './name-model.ts'
import { lureWords, plainWords, signInWords, wordFinder } from './words.ts'

export type Statistics = {
  readonly names: NameModel
  /** Log-odds of phishing by top-level domain, smoothed and capped. */
  readonly topLevelRisk: ReadonlyMap<string, number>
}

/** What the sentence quotes. */
export type Evidence = {
  readonly imitation: Imitation
  readonly hostWord: string
  readonly lureWord: string
  readonly pathWord: string
}

const signIn = wordFinder(signInWords, 4)
const lure = wordFinder(lureWords, 3)
const plain = wordFinder(plainWords, 3)

export function fillFeatures(
  address: Address,
  statistics: Statistics,
  findBrands: BrandFinder,
  out: Float32Array,
): Evidence {
  out.fill(0)
  let next = 0
  // Named at each place, in the order of the table; a test compares the two.
  const put = (name: FeatureName, value: number | boolean): void => {
    if (featureNames[next] !== name) throw new RangeError(`the table of features has no ${name} at ${next}`)
    out[next++] = Number(value)
  }
  const { label, subdomains, host, topLevel } = address
  const left = subdomains.join('.')
  const longest = subdomains.reduce((best, each) => (each.length > best.length ? each : best), '')
  const labelName = statistics.names.score(label)
  const longestName = statistics.names.score(longest)
  const imitation = findBrands(address)
  const hostSignIn = signIn(`${left}.${label}`)
  const hostLure = lure(`${left}.${label}`)
  put('hostLength', host.length)
  put('labelLength', label.length)
  put('subdomainCount', subdomains.length)
  put('subdomainLength', left.length)
  put('longestSubdomain', longest.length)
  put('labelDigitShare', digitsOf(label) / Math.max(1, label.length))
  put('labelDigits', digitsOf(label))
  put('subdomainDigitShare', digitsOf(left) / Math.max(1, left.length))
  put('labelHyphens', countOf(label, 45))
  put('subdomainHyphens', countOf(left, 45))
  put('labelEntropy', entropyOf(label))
  put('subdomainEntropy', entropyOf(longest))
  put('labelVowelShare', vowelsOf(label) / Math.max(1, label.length))
  put('labelConsonantRun', consonantRun(label))
  put('labelBits', labelName.meanBits)
  put('labelWorstBits', labelName.worstBits)
  put('subdomainBits', longestName.meanBits)
  put('subdomainWorstBits', longestName.worstBits)
  put('labelSwitches', switchesOf(label))
  put('labelRepeats', longestRepeat(label))
  put('labelPairs', repeatedPairs(label))
  put('labelDistinctShare', new Set(label).size / Math.max(1, label.length))
  put('topLevelRisk', statistics.topLevelRisk.get(topLevel) ?? 0)
  put('topLevelLength', topLevel.length)
  put('isCountryDomain', topLevel.length === 2)
  put('suffixLabels', address.suffix === '' ? 0 : countOf(address.suffix, 46) + 1)
  put('isPrivateSuffix', address.isPrivateSuffix)
  put('isFreeHosting', isUnder(freeHosting, host))
  put('isDynamicDns', isUnder(dynamicDns, host))
  put('isShortener', shorteners.has(host))
  put('isIp', address.isIp)
  put('isPunycode', host.includes('xn--'))
  put('mixesScripts', host.includes('xn--') && address.shownHost.split('.').some(mixesScripts))
  put('isOfficial', imitation.isOfficial)
  put('isWellKnown', wellKnownDomains.has(address.registrable))
  put('brandInLabel', imitation.inLabel !== '')
  put('brandInSubdomain', imitation.inSubdomain !== '')
  put('brandInPath', imitation.inPath !== '')
  put('nearInLabel', imitation.nearLabel !== '')
  put('nearInSubdomain', imitation.nearSubdomain !== '')
  put('suffixInside', imitation.hasSuffixInside)
  put('suffixInLabel', /(?:^|-)(?:com|net|org|co|jp|ne|gov)(?:-|$)|(?:cojp|comjp|nejp)/.test(label))
  put('signInWordsHost', hostSignIn.length)
  put('lureWordsHost', hostLure.length)
  put('plainWordsHost', plain(`${left}.${label}`).length)

  const path = address.path.toLowerCase()
  const segments = path === '' ? [] : path.split('/')
  const last = segments.at(-1) ?? ''
  const dot = last.lastIndexOf('.')
  const extension = dot > 0 ? last.slice(dot + 1, dot + 7) : ''
  const stem = dot > 0 ? last.slice(0, dot) : last
  const pathSignIn = signIn(path.slice(0, 300))
  const rest = `${address.path}?${address.query}#${address.fragment}`.slice(0, 800)
  put('signInWordsPath', pathSignIn.length)
  put('lureWordsPath', lure(path.slice(0, 300)).length)
  put('plainWordsPath', plain(path.slice(0, 300)).length)
  put('hasPath', path !== '')
  put('pathLength', path.length)
  put('pathDepth', segments.length)
  put('pathDigitShare', digitsOf(path) / Math.max(1, path.length))
  put('lastSegmentLength', last.length)
  put('lastSegmentEntropy', entropyOf(last.slice(0, 100)))
  put('lastSegmentBits', statistics.names.score(stem.slice(0, 60)).meanBits)
  put('pathHyphens', countOf(path, 45) + countOf(path, 95))
  put('pathUppercase', uppercaseOf(address.path) / Math.max(1, address.path.length))
  put('isScriptPage', /^(?:php\d?|cgi|asp|do|jsp)$/.test(extension))
  put('isPlainPage', /^(?:html?|aspx)$/.test(extension))
  put('isDocument', /^(?:pdf|docx?|xlsx?|pptx?|jpe?g|png|gif|svg|mp3|mp4|zip|gz|txt|xml|json)$/.test(extension))
  put(
    'isKitPath',
    /(?:^|\/)(?:wp-(?:content|includes|admin)|\.well-known|cgi-bin|components|modules|plugins|themes|tmp|\.[a-z]+)\//.test(
      path,
    ),
  )
  put('hasDate', /(?:^|\/)(?:19|20)\d\d(?:[/-]\d{1,2}|\/)/.test(path))
  put(
    'isShortCode',
    segments.length === 1 && last.length >= 3 && last.length <= 9 && /[0-9A-Z]/.test(address.path) && extension === '',
  )
  put(
    'hasHostInPath',
    /(?:https?:|%3a%2f|\/\/)|(?:^|[/=])[a-z0-9-]+\.(?:com|net|org|jp|co|uk|de|fr)(?:[/&.]|$)/i.test(rest),
  )
  put('hasMailInUrl', /[a-z0-9._-]+(?:@|%40)[a-z0-9-]+\.[a-z]/i.test(rest))
  put('percentCodes', countOf(rest, 37))
  put('hasQuery', address.query !== '')
  put('queryLength', address.query.length)
  put('queryPairs', address.query === '' ? 0 : countOf(address.query, 38) + 1)
  put('isBareQuery', address.query !== '' && !address.query.includes('='))
  put('hasFragment', address.fragment !== '')
  put('hasUser', address.hasUser)
  if (next !== featureCount - 2) throw new RangeError('features and their table differ')
  return { imitation, hostWord: hostSignIn[0] ?? '', lureWord: hostLure[0] ?? '', pathWord: pathSignIn[0] ?? '' }
}

function countOf(text: string, code: number): number {
  let count = 0
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) === code) count++
  return count
}
function digitsOf(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) if (isDigit(text.charCodeAt(at))) count++
  return count
}
function uppercaseOf(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 65 && code <= 90) count++
  }
  return count
}
const isDigit = (code: number) => code >= 48 && code <= 57
const isLetter = (code: number) => code >= 97 && code <= 122
const isVowel = (code: number) =>
  code === 97 || code === 101 || code === 105 || code === 111 || code === 117 || code === 121

function vowelsOf(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) if (isVowel(text.charCodeAt(at))) count++
  return count
}
function consonantRun(text: string): number {
  let [run, most] = [0, 0]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    run = isLetter(code) && !isVowel(code) ? run + 1 : 0
    if (run > most) most = run
  }
  return most
}
function switchesOf(text: string): number {
  let count = 0
  for (let at = 1; at < text.length; at++)
    if (isDigit(text.charCodeAt(at)) !== isDigit(text.charCodeAt(at - 1))) count++
  return count
}
function longestRepeat(text: string): number {
  let [run, most] = [1, text === '' ? 0 : 1]
  for (let at = 1; at < text.length; at++) {
    run = text.charCodeAt(at) === text.charCodeAt(at - 1) ? run + 1 : 1
    if (run > most) most = run
  }
  return most
}
function repeatedPairs(text: string): number {
  const seen = new Set<number>()
  let count = 0
  for (let at = 1; at < text.length; at++) {
    const pair = text.charCodeAt(at - 1) * 256 + text.charCodeAt(at)
    if (seen.has(pair)) count++
    seen.add(pair)
  }
  return count
}

/** Bits a character (Shannon). */
export function entropyOf(text: string): number {
  if (text.length < 2) return 0
  const counts = new Uint16Array(128)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at) & 127
    counts[code] = (counts[code] ?? 0) + 1
  }
  let bits = 0
  for (const count of counts) if (count > 0) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}
