// A QR code reads back as what it was made from, through a reader of its own written from the standard.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { qrModules, qrSvg } from './qr.ts'

test('texts of every length that fits read back, and longer ones are refused', () => {
  for (let length = 1; length <= 287; length += 13) {
    const text = 'otpauth://totp/Sallyport%20acme:alice?secret=ABC234&x=/~'.repeat(6).slice(0, length)
    assert.equal(readQr(qrModules(text)), text, `length ${length}`)
  }
  assert.throws(() => qrModules('x'.repeat(300)), RangeError)
  assert.match(qrSvg('x', '"label"').toString(), /aria-label="&quot;label&quot;"/)
})

// Level M: [error correction bytes per block, blocks, data bytes of the shorter blocks, how many are shorter].
const shapes: readonly (readonly [number, number, number, number])[] = [
  [10, 1, 16, 1],
  [16, 1, 28, 1],
  [26, 1, 44, 1],
  [18, 2, 32, 2],
  [24, 2, 43, 2],
  [16, 4, 27, 4],
  [18, 4, 31, 4],
  [22, 4, 38, 2],
  [22, 5, 36, 3],
  [26, 5, 43, 4],
  [30, 5, 50, 1],
  [22, 8, 36, 6],
]
const formats = ['101010000010010', '101000100100101', '101111001111100', '101101101001011']

function readQr(modules: readonly (readonly boolean[])[]): string {
  const size = modules.length
  const version = (size - 17) / 4
  const at = (x: number, y: number) => modules[y]?.[x] === true
  let format = ''
  for (const [x, y] of [
    [0, 8],
    [1, 8],
    [2, 8],
    [3, 8],
    [4, 8],
    [5, 8],
    [7, 8],
    [8, 8],
    [8, 7],
    [8, 5],
    [8, 4],
    [8, 3],
    [8, 2],
    [8, 1],
    [8, 0],
  ] as const) {
    format += at(x, y) ? '1' : '0'
  }
  const mask = formats.indexOf(format)
  assert.ok(mask >= 0, `format ${format}`)
  let copy = ''
  for (let bit = 0; bit < 7; bit++) copy += at(8, size - 1 - bit) ? '1' : '0'
  for (let bit = 7; bit < 15; bit++) copy += at(size - 15 + bit, 8) ? '1' : '0'
  assert.equal(copy, format, 'both copies of the format agree')
  const flips = [
    (x: number, y: number) => (x + y) % 2 === 0,
    (_: number, y: number) => y % 2 === 0,
    (x: number) => x % 3 === 0,
    (x: number, y: number) => (x + y) % 3 === 0,
  ][mask]!
  const steps = version === 1 ? [] : version < 7 ? [6, size - 7] : [6, (6 + size - 7) / 2, size - 7]
  const isAlignment = (x: number, y: number) =>
    steps.some((cy) =>
      steps.some((cx) => {
        const isFinder = (cx === 6 && cy === 6) || (cx === 6 && cy === size - 7) || (cx === size - 7 && cy === 6)
        return !isFinder && Math.abs(x - cx) <= 2 && Math.abs(y - cy) <= 2
      }),
    )
  const isFunction = (x: number, y: number) =>
    x === 6 ||
    y === 6 ||
    (x < 9 && y < 9) ||
    (x < 9 && y >= size - 8) ||
    (x >= size - 8 && y < 9) ||
    isAlignment(x, y) ||
    (version >= 7 && ((x < 6 && y >= size - 11) || (y < 6 && x >= size - 11)))
  let bits = ''
  let isUp = true
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right -= 1
    for (let step = 0; step < size; step++) {
      const y = isUp ? size - 1 - step : step
      for (const x of [right, right - 1]) if (!isFunction(x, y)) bits += at(x, y) !== flips(x, y) ? '1' : '0'
    }
    isUp = !isUp
  }
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
  const [correction, blocks, short, shorter] = shapes[version - 1]!
  const data = Array.from({ length: blocks }, (): number[] => [])
  let next = 0
  for (let index = 0; index <= short; index++) {
    for (let block = 0; block < blocks; block++)
      if (index < short + (block >= shorter ? 1 : 0)) data[block]!.push(bytes[next++]!)
  }
  for (let index = 0; index < correction; index++)
    for (let block = 0; block < blocks; block++) data[block]!.push(bytes[next++]!)
  for (const block of data) assert.ok(isCodeword(block, correction), 'the error correction fits the data')
  const stream = data
    .flatMap((block) => block.slice(0, -correction))
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
  assert.equal(stream.slice(0, 4), '0100')
  const lengthBits = version > 9 ? 16 : 8
  const length = Number.parseInt(stream.slice(4, 4 + lengthBits), 2)
  const text = stream.slice(4 + lengthBits, 4 + lengthBits + 8 * length).match(/.{8}/g) ?? []
  return Buffer.from(text.map((byte) => Number.parseInt(byte, 2))).toString('utf8')
}

/** All syndromes zero, with logarithm tables instead of the multiplication under test. */
function isCodeword(block: readonly number[], correction: number): boolean {
  const powers: number[] = [1]
  for (let at = 1; at < 255; at++)
    powers.push(powers[at - 1]! < 128 ? powers[at - 1]! * 2 : (powers[at - 1]! * 2) ^ 0x11d)
  const logarithm = new Map(powers.map((power, at) => [power, at]))
  for (let root = 0; root < correction; root++) {
    let sum = 0
    for (const byte of block) {
      const shifted = sum === 0 ? 0 : powers[(logarithm.get(sum)! + root) % 255]!
      sum = shifted ^ byte
    }
    if (sum !== 0) return false
  }
  return true
}
