// Content inspection on one thread: all detectors over plain text, and a row table's memory. CPU time of this thread, so that a
// shared machine does not count against it.
import type { Buffer } from 'node:buffer'
import { scanText } from '#inspection/text/scan-text.ts'
import { csv, json, leak, numbers, prose } from './inspection-texts.ts'
import { atLeast, type Options, row, type Row } from './row.ts'

function speedOf(bytes: Buffer, repeats: number, run: (bytes: Buffer) => void): readonly number[] {
  run(bytes)
  run(bytes)
  return Array.from({ length: repeats }, () => {
    const before = process.threadCpuUsage()
    run(bytes)
    const { user, system } = process.threadCpuUsage(before)
    return bytes.length / (user + system)
  })
}

export async function measureInspection({ isQuick }: Options): Promise<readonly Row[]> {
  const repeats = isQuick ? 3 : 9
  const plain = prose()
  const small = plain.subarray(0, 10 * 1024)
  const counted = 'one thread, all detectors, findings resolved; CPU time'
  const texts = [
    ['plain text', plain, 150],
    ['numbers alone', numbers(), undefined],
    ['JSON records', json(), undefined],
    ['a CSV table', csv(), undefined],
    ['text with four values a line', leak(), undefined],
  ] as const
  return [
    ...texts.map(([what, bytes, goal]) =>
      row({
        name: `data-loss scan of ${what}`,
        unit: 'MB/s',
        values: speedOf(bytes, repeats, (given) => scanText(given)),
        ...(goal !== undefined && { goal: atLeast(goal) }),
        counted,
      }),
    ),
    row({
      name: 'data-loss scan of a 10 KiB body',
      unit: 'MB/s',
      values: speedOf(small, repeats, (bytes) => {
        for (let each = 0; each < 200; each++) scanText(bytes)
      }).map((speed) => speed * 200),
      counted,
    }),
  ]
}
