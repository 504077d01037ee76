import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeModel } from '#inspection/phishing/model-file.ts'
import { readAddress } from '#inspection/phishing/address.ts'
import { partsOf } from '#inspection/phishing/train.ts'
import { fit } from './fit.ts'
import { shareAbove, thresholdAt } from './measure.ts'
import { ordinaryPath } from './ordinary-paths.ts'
import { seededRandom } from './random.ts'
import { hasSources, readSources, type SourceName, type UrlRow } from './sources.ts'

const data = process.env['SALLYPORT_DATA'] ?? '../shared/data'

/** Made-up rows, so that the machinery is tested where the sets are absent: word-like hosts against random ones. */
function madeUpRows(count: number): readonly UrlRow[] {
  const random = seededRandom(9)
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? ''
  const word = () => pick(['garden', 'river', 'stone', 'music', 'paper', 'train', 'school', 'winter', 'bread', 'light'])
  const chance = () => Array.from({ length: 10 }, () => pick(Array.from('abcdefghijklmnopqrstuvwxyz'))).join('')
  return Array.from({ length: count }, (_, at): UrlRow[] => {
    const isPhishing = at % 2 === 0
    const path = random() < 0.5 ? ordinaryPath(random).path : ''
    const url = isPhishing
      ? `${chance()}.${pick(['cn', 'xyz', 'com'])}/${path}`
      : `${word()}-${word()}${at}.${pick(['com', 'org', 'de'])}/${path}`
    const address = readAddress(url)
    const source: SourceName = isPhishing ? 'jpcert' : pick(['smallweb', 'pdd', 'ut1']) === 'pdd' ? 'pdd' : 'ut1'
    return address.kind === 'address' ? [{ source, isPhishing, year: 2022, firstSeen: '', address }] : []
  }).flat()
}

test('the same rows give the same model, byte for byte, and it tells random names from words', () => {
  const rows = madeUpRows(1500)
  const [first, second] = [fit(rows, { trees: 8 }), fit(rows, { trees: 8 })].map((model) =>
    encodeModel(partsOf(model, [], 'test')),
  )
  assert.deepEqual(first, second)
  const model = fit(rows, { trees: 8 })
  const scores = model.score(rows)
  const of = (isPhishing: boolean) => scores.filter((_, at) => rows[at]?.isPhishing === isPhishing)
  assert.ok(shareAbove(of(true), thresholdAt(of(false), 0.01)).caught > 0.8)
})

test('a share comes with its interval, and the threshold leaves no more above it than it says', () => {
  const ordinary = Float64Array.from({ length: 1000 }, (_, at) => at)
  const threshold = thresholdAt(ordinary, 0.01)
  assert.equal(ordinary.filter((score) => score > threshold).length, 10)
  const { caught, low, high } = shareAbove(Float64Array.of(1, 995, 999, 1200), threshold)
  assert.equal(caught, 0.75)
  assert.ok(low < 0.75 && high > 0.75 && low > 0.3)
})

test(
  'the sets are read whole: unreadable lines are counted, not lost',
  { skip: hasSources(data) ? false : `the training sets are not in ${data}` },
  () => {
    const { rows, unreadable } = readSources(data, 0.02)
    assert.ok(rows.some(({ isPhishing }) => isPhishing) && rows.some(({ isPhishing }) => !isPhishing))
    assert.ok(Object.values(unreadable).every((count) => count < rows.length / 100))
  },
)
