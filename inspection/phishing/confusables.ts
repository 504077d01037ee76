// Folds letters that look alike onto one skeleton, so that `аpple`, `app1e` and `rnicrosoft` compare with the names
// they imitate. Our own short table of what is used in host names. Must only ever be used to compare, never to show.
const pairs: Readonly<Record<string, string>> = {
  a: 'àáâãäåāăąǎȧạảấầẩẫậаɑα',
  b: 'ḃḅƀьЬв',
  c: 'çćĉċčсϲ',
  d: 'ďđḍԁɗ',
  e: 'èéêëēĕėęěẹẻẽếềểễệеёє',
  f: 'ḟƒ',
  g: 'ĝğġģǧɡց',
  h: 'ĥħḥһհ',
  i: 'ìíîïĩīĭįıǐịỉіїɩιӏ',
  j: 'ĵјʝ',
  k: 'ķĸǩḳкκ',
  l: 'ĺļľŀłḷⅼ',
  m: 'ṁṃмⅿ',
  n: 'ñńņňŋṅṇռп',
  o: 'òóôõöøōŏőǒọỏốồổỗộơớờởỡợоοօө',
  p: 'ṗρр',
  q: 'ԛգ',
  r: 'ŕŗřṛгг',
  s: 'śŝşšșṡṣѕꜱ',
  t: 'ţťŧțṭтτ',
  u: 'ùúûüũūŭůűųǔụủưứừửữựυսц',
  v: 'ṽṿνѵ',
  w: 'ŵẁẃẅẇẉԝωѡ',
  x: 'ẋẍхχ',
  y: 'ýÿŷỳỵỷỹуүγ',
  z: 'źżžẓᴢ',
}
const letterOf = new Map(Object.entries(pairs).flatMap(([to, from]) => Array.from(from, (each) => [each, to] as const)))
const digitOf: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'l',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '8': 'b',
}

/** Letters of other scripts and accents to the Latin letter they look like. */
export function foldLetters(text: string): string {
  if (/^[\u0000-\u007f]*$/.test(text)) return text
  let folded = ''
  for (const each of text.normalize('NFKC')) folded += letterOf.get(each) ?? each
  return folded
}

/** Also digits for letters, and pairs of letters for one. */
export function skeletonOf(text: string): string {
  return foldLetters(text)
    .replace(/[0134578]/g, (digit) => digitOf[digit] ?? digit)
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replaceAll('cl', 'd')
}

/** Latin letters beside letters that only look Latin: the mark of a homograph. */
export function mixesScripts(label: string): boolean {
  return /[a-z]/.test(label) && /[\u0370-\u03ff\u0400-\u052f\u0530-\u058f]/.test(label)
}
