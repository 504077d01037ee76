// The URL model: URLs a second on one thread, with the sentence that explains each, on made-up URLs of all shapes.
import { performance } from 'node:perf_hooks'
import { openUrlModel } from '#inspection/phishing/url-model.ts'
import { atLeast, type Options, row, type Row } from './row.ts'

export async function measurePhishing({ isQuick }: Options): Promise<readonly Row[]> {
  const began = performance.now()
  const model = openUrlModel()
  model.score('https://example.com/')
  const loadMs = performance.now() - began
  const urls = Array.from({ length: 4000 }, (_, at) => shapes[at % shapes.length]?.(at) ?? '')
  const speeds: number[] = []
  for (let repeat = 0; repeat < (isQuick ? 4 : 6); repeat++) {
    const from = performance.now()
    for (const url of urls) model.score(url)
    if (repeat > 0) speeds.push(urls.length / ((performance.now() - from) / 1000))
  }
  return [
    row({
      name: 'phishing URLs scored',
      unit: '/s',
      values: speeds,
      goal: atLeast(10_000),
      counted: 'this thread, parsing and explanation included',
    }),
    row({ name: 'phishing model loaded, first URL scored', unit: 'ms', values: [loadMs], counted: 'this thread' }),
  ]
}

const shapes: readonly ((at: number) => string)[] = [
  (at) => `https://www.shop-number-${at}.example.com/products/garden/${at}/wooden-chair.html`,
  (at) => `https://secure-login${at}.verify-account.example.xyz/signin.php?id=${at}&token=a8f3e1`,
  (at) => `http://user${at}.github.io/`,
  (at) => `example${at}.org/2024/05/${at % 28}/how-we-moved-our-database-without-downtime`,
  (at) => `https://xn--pple-43d${at}.example/`,
]
