// Made-up phishing addresses of the shapes everybody knows: a brand with a lure, a brand in front of a stranger's domain, a
// misspelt brand, a brand in the path of a stranger's site. The sets show the brands of one country; these teach the shape
// for all. Our own grammar over brands.ts and words.ts; must never be made from a test set.
import { type Address, readAddress } from '#inspection/phishing/address.ts'
import { brands } from '#inspection/phishing/brands.ts'
import { lureWords, signInWords } from '#inspection/phishing/words.ts'
import { seededRandom } from './random.ts'

const suffixes =
  'com com com net org info top xyz shop online site click icu live cc co vip cn pw club store support help app io me us link buzz cfd sbs cyou lol'.split(
    ' ',
  )
const hosting =
  'pages.dev workers.dev vercel.app netlify.app web.app firebaseapp.com github.io weebly.com wixsite.com godaddysites.com webflow.io herokuapp.com onrender.com glitch.me r2.dev blogspot.com myftp.org duckdns.org framer.app square.site'.split(
    ' ',
  )
const kitPaths = [
  'login',
  'login.php',
  'signin',
  'verify',
  'index.php',
  'account/login',
  'secure/login.html',
  'wp-content/plugins/x/login',
  'update/billing.php',
  'web/home',
  'auth',
  'en/login.html',
  'customer/verify.php',
  'confirm.html',
  '',
  '',
  '',
]

export function madeUpImitations(count: number): readonly Address[] {
  const random = seededRandom(31)
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)] ?? ''
  const letters = (size: number) => Array.from({ length: size }, () => pick(consonantsAndVowels)).join('')
  const word = () => (random() < 0.6 ? pick(signInWords) : pick(lureWords))
  const names = brands.flatMap((brand) => brand.names.filter((name) => name.length > 3))
  const misspelt = (name: string): string => {
    const at = 1 + Math.floor(random() * (name.length - 1))
    const dice = random()
    if (dice < 0.3) return name.slice(0, at) + name.slice(at + 1)
    if (dice < 0.5) return name.slice(0, at) + (name[at] ?? '') + name.slice(at)
    if (dice < 0.7) return name.slice(0, at) + pick(consonantsAndVowels) + name.slice(at + 1)
    if (dice < 0.85) return name.replace('o', '0').replace('l', '1')
    return name.slice(0, at) + (name[at + 1] ?? '') + (name[at] ?? '') + name.slice(at + 2)
  }
  const stranger = () => `${letters(5 + Math.floor(random() * 6))}.${pick(suffixes)}`
  const forms: readonly ((brand: string, lure: string) => string)[] = [
    (brand, lure) => `${brand}-${lure}.${pick(suffixes)}`,
    (brand, lure) => `${lure}-${brand}.${pick(suffixes)}`,
    (brand, lure) => `${brand}${lure}.${pick(suffixes)}`,
    (brand, lure) => `${brand}-${lure}-${word()}.${pick(suffixes)}`,
    (brand) => `${brand}.${stranger()}`,
    (brand) => `${brand}.com.${stranger()}`,
    (brand, lure) => `${lure}.${brand}.${stranger()}`,
    (brand, lure) => `${brand}-${lure}.${stranger()}`,
    (brand) => `${misspelt(brand)}.${pick(suffixes)}`,
    (brand, lure) => `${misspelt(brand)}-${lure}.${pick(suffixes)}`,
    (brand, lure) => `${brand}-${lure}.${pick(hosting)}`,
    (brand) => `${brand}-${letters(4)}.${pick(hosting)}`,
    (brand, lure) => `${lure}${Math.floor(random() * 1000)}-${brand}.${pick(hosting)}`,
  ]
  const made: Address[] = []
  while (made.length < count) {
    const form = forms[Math.floor(random() * forms.length)]
    const url = `${form?.(pick(names), word()) ?? ''}/${pick(kitPaths)}`
    const address = readAddress(url)
    if (address.kind === 'address') made.push(address)
  }
  return made
}

const consonantsAndVowels = Array.from('abcdefghijklmnopqrstuvwxyz')
