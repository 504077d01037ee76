// Takes away what sets the sources apart for reasons of their own. Lists of sites have no paths and search results always
// have one, so that "has a path" would separate the sources and not phishing from the rest: benign hosts also appear with
// paths of other benign rows, deep links also as bare hosts. Must be given training rows only.
import { ordinaryPath } from './ordinary-paths.ts'
import type { UrlRow } from './sources.ts'
import { seededRandom } from './random.ts'

const seed = 7
const shareWithPath = 0.6
/** Of the borrowed paths, how many come from our own grammar. */
const shareMadeUp = 0.4
const shareWithoutPath = 0.35
const phishingWithoutPath = 0.15

export function augment(rows: readonly UrlRow[]): readonly UrlRow[] {
  const random = seededRandom(seed)
  const withPath = rows.filter(({ isPhishing, address }) => !isPhishing && address.path !== '')
  const added: UrlRow[] = []
  for (const row of rows) {
    const { address, isPhishing } = row
    const dice = random()
    if (address.path !== '') {
      if (dice < (isPhishing ? phishingWithoutPath : shareWithoutPath))
        added.push({ ...row, address: { ...address, path: '', query: '', fragment: '' } })
    } else if (!isPhishing && dice < shareWithPath) {
      const lender = random() < shareMadeUp ? undefined : withPath[Math.floor(random() * withPath.length)]?.address
      const { path, query, fragment } = lender ?? { ...ordinaryPath(random), fragment: '' }
      added.push({ ...row, address: { ...address, path, query, fragment } })
    }
  }
  return [...rows, ...added]
}
