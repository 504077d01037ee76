// The texts that content inspection is measured on: prose, and what is mostly numbers. The same bytes in every run.
import { Buffer } from 'node:buffer'

const TEXT_BYTES = 8 * 1024 * 1024
const words =
  'the contract between both sides says that goods are to be delivered in time and paid within a month after which interest is due as agreed by letter or in person and nothing else shall hold'.split(
    ' ',
  )

function generator() {
  let state = 7
  const below = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const digits = (length: number) => Array.from({ length }, () => below(10)).join('')
  return { below, digits, word: () => words[below(words.length)] ?? '' }
}
type Generator = ReturnType<typeof generator>

function filled(line: (random: Generator) => string): Buffer {
  const random = generator()
  const out: string[] = []
  for (let size = 0; size < TEXT_BYTES;) {
    const text = line(random)
    out.push(text)
    size += text.length
  }
  return Buffer.from(out.join(''))
}

/** Prose with names and years, and a value that is found every 4 KiB. */
export const prose = () => {
  let next = 4096
  let size = 0
  return filled(({ below, word }) => {
    let line = `${Array.from({ length: 14 }, word).join(' ')}${below(6) === 0 ? ` in ${1990 + below(35)}` : ''}.\n`
    size += line.length
    if (size >= next) {
      next += 4096
      line += 'Write to jane.doe@example.com or pay with card 4111 1111 1111 1111.\n'
    }
    return line
  })
}

/** Measurements, counters and identifiers: numbers of 1 to 16 digits, nothing else. */
export const numbers = () =>
  filled(
    ({ below, digits }) =>
      `${Array.from({ length: 8 }, () => digits(1 + below(16))).join(below(4) === 0 ? ', ' : ' ')}\n`,
  )

/** Records as an API answers them. */
export const json = () =>
  filled(
    ({ below, digits, word }) =>
      `{"id":${digits(9)},"order_ref":"${digits(12)}","created":${1_600_000_000 + below(99_999_999)},"amount":${below(99_999)}.${digits(2)},"items":[{"sku":"${digits(8)}","name":"${word()} ${word()}","quantity":${below(20)}}],"version":"${below(9)}.${below(30)}.${below(99)}","uuid":"${digits(8)}-${digits(4)}-${digits(4)}-${digits(4)}-${digits(12)}"},\n`,
  )

/** A table of measured values, dates and names. */
export const csv = () =>
  filled(
    ({ below, digits, word }) =>
      `${digits(7)},2024-0${1 + below(9)}-1${below(10)} 0${below(10)}:${10 + below(50)}:${10 + below(50)},${word()},${below(999)}.${digits(4)},-${below(99)}.${digits(6)},${digits(10)},${word()} ${word()}\n`,
  )

/** Four values that are found in every line: what a leak looks like. */
export const leak = () =>
  Buffer.from(
    'Ana Diaz, card 4111 1111 1111 1111, SSN 123-45-6789, phone 212-555-0182, ana@example.com\n'.repeat(20_000),
  )
