// The dense features of the URL model, in the order of the model file, each with the words that explain it. Must be
// changed only together with a new training: the model file carries the names and is refused when they differ.

/** [name, what it says when it speaks for phishing, what it says when it speaks against]. '' is never named. */
const table = [
  ['hostLength', 'the length of the host name', 'a short host name'],
  ['labelLength', 'the length of the registered name', 'the length of the registered name'],
  ['subdomainCount', 'the number of labels in front of the registered name', 'no nesting of labels'],
  ['subdomainLength', 'a long chain in front of the registered name', 'nothing long in front of the registered name'],
  ['longestSubdomain', 'a long label in front of the registered name', 'no long label'],
  ['labelDigitShare', 'digits in the registered name', 'no digits in the registered name'],
  ['labelDigits', 'digits in the registered name', 'no digits in the registered name'],
  ['subdomainDigitShare', 'digits in front of the registered name', 'no digits in front of the registered name'],
  ['labelHyphens', 'hyphens in the registered name', 'no hyphens in the registered name'],
  ['subdomainHyphens', 'hyphens in front of the registered name', 'no hyphens in front of the registered name'],
  ['labelEntropy', 'a random mix of letters in the registered name', 'ordinary letters in the registered name'],
  ['subdomainEntropy', 'a random mix of letters in front of the registered name', 'ordinary letters'],
  ['labelVowelShare', 'unusual vowels in the registered name', 'a pronounceable registered name'],
  ['labelConsonantRun', 'a registered name that cannot be spoken', 'a pronounceable registered name'],
  ['labelBits', 'a registered name that reads like random letters', 'a registered name that reads like words'],
  ['labelWorstBits', 'a registered name with letters that seldom meet', 'a registered name that reads like words'],
  ['subdomainBits', 'a label that reads like random letters', 'labels that read like words'],
  ['subdomainWorstBits', 'a label with letters that seldom meet', 'labels that read like words'],
  ['labelSwitches', 'letters and digits in turns', 'no turns of letters and digits'],
  ['labelRepeats', 'repeated letters in the registered name', 'no repeated letters'],
  ['labelPairs', 'letter pairs that repeat in the registered name', ''],
  ['labelDistinctShare', 'few different letters in the registered name', ''],
  ['topLevelRisk', 'the top-level domain', 'the top-level domain'],
  ['topLevelLength', 'the top-level domain', 'the top-level domain'],
  ['isCountryDomain', 'the top-level domain', 'the top-level domain'],
  ['suffixLabels', 'the public suffix', 'the public suffix'],
  ['isPrivateSuffix', 'a host that lets anyone put up pages', 'a name registered of its own'],
  ['isFreeHosting', 'free hosting that takes anyone', 'no free hosting'],
  ['isDynamicDns', 'a dynamic DNS name', 'no dynamic DNS name'],
  ['isShortener', 'a link shortener', 'no link shortener'],
  ['isIp', 'a bare address in place of a name', 'a name and not a bare address'],
  ['isPunycode', 'an international name in its coded form', 'a plain host name'],
  ['mixesScripts', 'letters of different scripts in one name', 'letters of one script'],
  ['isOfficial', '', "a brand's own domain"],
  ['isWellKnown', '', 'a well-known site'],
  ['brandInLabel', 'the brand "{label}" in a domain that is not its own', 'no brand in the registered name'],
  ['brandInSubdomain', 'the brand "{subdomain}" in front of a domain that is not its own', 'no brand in front'],
  ['brandInPath', 'the brand "{path}" in the path of a site that is not its own', 'no brand in the path'],
  ['nearInLabel', 'a name that looks like "{nearLabel}"', 'no look-alike of a brand'],
  ['nearInSubdomain', 'a label that looks like "{nearSubdomain}"', 'no look-alike of a brand'],
  ['suffixInside', 'a top-level domain in the middle of the host name', 'no top-level domain inside the host name'],
  ['suffixInLabel', 'a top-level domain hidden in the registered name', ''],
  ['signInWordsHost', 'words of signing in ("{hostWord}") in the host name', 'no words of signing in'],
  ['lureWordsHost', 'words of money or parcels ("{lureWord}") in the host name', 'no words of money or parcels'],
  ['plainWordsHost', 'no ordinary words in the host name', 'ordinary words in the host name'],
  ['signInWordsPath', 'words of signing in ("{pathWord}") in the path', 'no words of signing in in the path'],
  ['lureWordsPath', 'words of money or parcels in the path', 'no words of money or parcels in the path'],
  ['plainWordsPath', 'no ordinary words in the path', 'ordinary words in the path'],
  ['hasPath', 'the path', 'the path'],
  ['pathLength', 'the length of the path', 'the length of the path'],
  ['pathDepth', 'the depth of the path', 'the depth of the path'],
  ['pathDigitShare', 'digits in the path', 'few digits in the path'],
  ['lastSegmentLength', 'the last part of the path', 'the last part of the path'],
  ['lastSegmentEntropy', 'a random mix of letters in the path', 'ordinary letters in the path'],
  ['lastSegmentBits', 'a path that reads like random letters', 'a path that reads like words'],
  ['pathHyphens', 'the hyphens in the path', 'a path made of words'],
  ['pathUppercase', 'capital letters in the path', 'the case of the path'],
  ['isScriptPage', 'a script page of a kind kits use', 'no script page'],
  ['isPlainPage', 'a page of the kind kits use', 'an ordinary page'],
  ['isDocument', '', 'a document or picture'],
  ['isKitPath', 'a path where kits are hidden', 'no path where kits are hidden'],
  ['hasDate', '', 'a date in the path'],
  ['isShortCode', 'a path that is one short code', 'a path that is no short code'],
  ['hasHostInPath', 'a host name in the path or query', 'no host name in the path or query'],
  ['hasMailInUrl', "somebody's mail address in the link", 'no mail address in the link'],
  ['percentCodes', 'coded characters', 'no coded characters'],
  ['hasQuery', 'the query', 'no query'],
  ['queryLength', 'the length of the query', 'the length of the query'],
  ['queryPairs', 'the number of query fields', 'the number of query fields'],
  ['isBareQuery', 'a query without a field name', 'no bare query'],
  ['hasFragment', 'the fragment', 'no fragment'],
  ['hasUser', 'a user name in front of the host', ''],
  ['hostGrams', 'letters seen in phishing host names', 'letters seen in ordinary host names'],
  ['pathGrams', 'letters seen in phishing paths', 'letters seen in ordinary paths'],
] as const

export type FeatureName = (typeof table)[number][0]
export const featureNames: readonly FeatureName[] = table.map(([name]) => name)
export const featureCount = table.length
export const hostGramsAt = featureNames.indexOf('hostGrams')
export const pathGramsAt = featureNames.indexOf('pathGrams')

/** What is no part of the host. */
export const pathFeatures: ReadonlySet<FeatureName> = new Set([
  'brandInPath',
  ...featureNames.slice(featureNames.indexOf('signInWordsPath')).filter((name) => name !== 'hostGrams'),
])

export function wordsFor(feature: number, isAgainst: boolean): string {
  return table[feature]?.[isAgainst ? 2 : 1] ?? ''
}
