// Ordinary rows for the sites that everybody knows: the brands' own domains and other big ones, bare, with the labels such
// sites use, and with ordinary paths. The sets hold few of them, and a bank's own page called phishing is the worst mistake
// there is. Made of brands.ts; must never be made from a test set.
import { type Address, readAddress } from '#inspection/phishing/address.ts'
import { officialDomains, wellKnownDomains } from '#inspection/phishing/brands.ts'
import { ordinaryPath } from './ordinary-paths.ts'
import { seededRandom } from './random.ts'

const labels =
  'login my account accounts secure id auth signin online shop store support help m mobile app mail blog news developer docs api portal web static images business pay card member user sso status community'.split(
    ' ',
  )

export function knownSites(): readonly Address[] {
  const random = seededRandom(57)
  const made: Address[] = []
  const add = (text: string) => {
    const address = readAddress(text)
    if (address.kind === 'address') made.push(address)
  }
  for (const domain of [...officialDomains, ...wellKnownDomains]) {
    add(domain)
    for (let each = 0; each < 7; each++) {
      const { path, query } = ordinaryPath(random)
      const label = labels[Math.floor(random() * labels.length)] ?? 'www'
      const host = random() < 0.5 ? domain : `${label}.${domain}`
      add(random() < 0.25 ? host : `${host}/${path}${query === '' ? '' : `?${query}`}`)
    }
  }
  return made
}
