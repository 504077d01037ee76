// Content inspection on one thread: all detectors over plain text, and a row table's memory. CPU time of this thread, so that a
// shared machine does not count against it.
import { Buffer } from 'node:buffer'
import { scanText } from '#inspection/text/scan-text.ts'
import { scanBytes } from '#inspection/text/scan.ts'
import { atLeast, type Options, row, type Row } from './row.ts'

const TEXT_BYTES = 8 * 1024 * 1024
const words =
  'the contract between both sides says that goods are to be delivered in time and paid within a month after which interest is due as agreed by letter or in person and nothing else shall hold'.split(
    ' ',
  )

/** Prose with names and years, and a value that is found every 4 KiB. */
function prose(everyBytes: number): Buffer {
  const out: string[] = []
  let size = 0
  let next = everyBytes
  let state = 7
  const random = (below: number) => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) % below
  while (size < TEXT_BYTES) {
    const line = `${Array.from({ length: 14 }, () => words[random(words.length)]).join(' ')}${random(6) === 0 ? ` in ${1990 + random(35)}` : ''}.\n`
    out.push(line)
    size += line.length
    if (size < next) continue
    next += everyBytes
    out.push('Write to jane.doe@example.com or pay with card 4111 1111 1111 1111.\n')
  }
  return Buffer.from(out.join(''))
}

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
  const plain = prose(4096)
  const dense = Buffer.from(
    'Ana Diaz, card 4111 1111 1111 1111, SSN 123-45-6789, phone 212-555-0182, ana@example.com\n'.repeat(20_000),
  )
  const small = plain.subarray(0, 10 * 1024)
  const counted = 'one thread, all detectors, findings resolved; CPU time'
  return [
    row({
      name: 'data-loss scan of plain text',
      unit: 'MB/s',
      values: speedOf(plain, repeats, (bytes) => scanText(bytes)),
      goal: atLeast(150),
      counted,
    }),
    row({
      name: 'data-loss scan, four values a line',
      unit: 'MB/s',
      values: speedOf(dense, repeats, (bytes) => scanBytes(bytes, 1_000_000)),
      counted: 'one thread, all detectors; CPU time',
    }),
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
