// A QR code (ISO/IEC 18004) as inline SVG: byte mode, error correction level M, versions 1 to 12, which holds what an
// otpauth address needs. Must never be handed a text longer than that: it throws.
import { html, type Html } from './html.ts'

/** Level M per version: error correction bytes per block, then [blocks, data bytes] groups (ISO 18004 table 9). */
const blocksOf: readonly (readonly [number, readonly (readonly [number, number])[]])[] = [
  [10, [[1, 16]]],
  [16, [[1, 28]]],
  [26, [[1, 44]]],
  [18, [[2, 32]]],
  [24, [[2, 43]]],
  [16, [[4, 27]]],
  [18, [[4, 31]]],
  [
    22,
    [
      [2, 38],
      [2, 39],
    ],
  ],
  [
    22,
    [
      [3, 36],
      [2, 37],
    ],
  ],
  [
    26,
    [
      [4, 43],
      [1, 44],
    ],
  ],
  [
    30,
    [
      [1, 50],
      [4, 51],
    ],
  ],
  [
    22,
    [
      [6, 36],
      [2, 37],
    ],
  ],
]
const alignmentOf: readonly (readonly number[])[] = [
  [],
  [6, 18],
  [6, 22],
  [6, 26],
  [6, 30],
  [6, 34],
  [6, 22, 38],
  [6, 24, 42],
  [6, 26, 46],
  [6, 28, 50],
  [6, 30, 54],
  [6, 32, 58],
]

export function qrSvg(text: string, label: string): Html {
  const modules = qrModules(text)
  const size = modules.length + 8 // quiet zone of four on each side
  const path = modules
    .flatMap((row, y) => {
      const runs = row
        .map((dark) => (dark ? '1' : '0'))
        .join('')
        .matchAll(/1+/g)
      return Array.from(runs, ({ 0: run, index }) => `M${index + 4} ${y + 4}h${run.length}v1h-${run.length}z`)
    })
    .join('')
  return html`<svg
    class="qr"
    role="img"
    aria-label="${label}"
    viewBox="0 0 ${size} ${size}"
    shape-rendering="crispEdges"
  >
    <path fill="#000" d="${path}" />
  </svg>`
}

/** Rows of modules, true is dark. */
export function qrModules(text: string): boolean[][] {
  const bytes = Buffer.from(text, 'utf8')
  const version = blocksOf.findIndex((_, at) => bytes.length <= dataBytes(at + 1) - (at + 1 > 9 ? 3 : 2)) + 1
  if (version === 0) throw new RangeError('too long for a QR code here')
  const size = 17 + 4 * version
  const modules = Array.from({ length: size }, () => Array<boolean>(size).fill(false))
  const fixed = Array.from({ length: size }, () => Array<boolean>(size).fill(false))
  const set = (x: number, y: number, dark: boolean) => {
    const row = modules[y]
    const fixedRow = fixed[y]
    if (!row || !fixedRow || x < 0 || x >= size) return
    row[x] = dark
    fixedRow[x] = true
  }
  drawPatterns(version, size, set, (x, y) => fixed[y]?.[x] === true)
  drawFormat(size, set, 0)
  const bits = codewords(version, bytes).flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1))
  let at = 0
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5
    for (let step = 0; step < size; step++) {
      for (const x of [right, right - 1]) {
        const y = ((right + 1) & 2) === 0 ? size - 1 - step : step
        const row = modules[y]
        if (!row || fixed[y]?.[x] === true) continue
        row[x] = (bits[at++] ?? 0) === 1
      }
    }
  }
  return bestMasked(modules, fixed, size)
}

function dataBytes(version: number): number {
  return (blocksOf[version - 1]?.[1] ?? []).reduce((sum, [count, bytes]) => sum + count * bytes, 0)
}

function codewords(version: number, bytes: Buffer): number[] {
  const lengthBits = version > 9 ? 16 : 8
  let bits = `0100${bytes.length.toString(2).padStart(lengthBits, '0')}`
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0')
  const room = dataBytes(version) * 8
  bits += '0'.repeat(Math.min(4, room - bits.length))
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0')
  for (let pad = 0; bits.length < room; pad ^= 1) bits += pad === 0 ? '11101100' : '00010001'
  const data = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
  const [correction, groups] = blocksOf[version - 1] ?? [0, []]
  const blocks: number[][] = []
  let from = 0
  for (const [count, length] of groups) {
    for (let block = 0; block < count; block++, from += length) blocks.push(data.slice(from, from + length))
  }
  const checks = blocks.map((block) => remainder(block, correction))
  const woven = (parts: readonly (readonly number[])[]) =>
    Array.from({ length: Math.max(...parts.map((part) => part.length)) }, (_, at) =>
      parts.flatMap((part) => part[at] ?? []),
    ).flat()
  return [...woven(blocks), ...woven(checks)]
}

function multiply(a: number, b: number): number {
  let product = 0
  for (let bit = 7; bit >= 0; bit--) product = (product << 1) ^ ((product >> 7) * 0x11d) ^ (((b >> bit) & 1) * a)
  return product
}

/** Reed-Solomon remainder over GF(256) with polynomial 0x11d. */
function remainder(data: readonly number[], degree: number): number[] {
  let divisor = [...Array<number>(degree - 1).fill(0), 1]
  for (let power = 0, root = 1; power < degree; power++, root = multiply(root, 2)) {
    divisor = divisor.map((value, at) => multiply(value, root) ^ (divisor[at + 1] ?? 0))
  }
  let result = Array<number>(degree).fill(0)
  for (const byte of data) {
    const factor = byte ^ (result[0] ?? 0)
    result = [...result.slice(1), 0].map((value, at) => value ^ multiply(divisor[at] ?? 0, factor))
  }
  return result
}

type Draw = (x: number, y: number, dark: boolean) => void

function drawPatterns(version: number, size: number, set: Draw, isFixed: (x: number, y: number) => boolean): void {
  for (let at = 0; at < size; at++) {
    set(6, at, at % 2 === 0)
    set(at, 6, at % 2 === 0)
  }
  for (const [cx, cy] of [
    [3, 3],
    [size - 4, 3],
    [3, size - 4],
  ] as const) {
    for (let dy = -4; dy <= 4; dy++) {
      for (let dx = -4; dx <= 4; dx++) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy))
        if (cy + dy >= 0 && cy + dy < size) set(cx + dx, cy + dy, ring !== 2 && ring !== 4)
      }
    }
  }
  const centres = alignmentOf[version - 1] ?? []
  for (const cy of centres) {
    for (const cx of centres) {
      const isCorner = (cx === 6 && (cy === 6 || cy === size - 7)) || (cx === size - 7 && cy === 6)
      if (isCorner || (isFixed(cx, cy) && cx !== 6 && cy !== 6)) continue
      for (let dy = -2; dy <= 2; dy++) {
        for (let dx = -2; dx <= 2; dx++) set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1)
      }
    }
  }
  if (version < 7) return
  let rest = version
  for (let bit = 0; bit < 12; bit++) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25)
  const bits = (version << 12) | rest
  for (let bit = 0; bit < 18; bit++) {
    const dark = ((bits >> bit) & 1) === 1
    const [a, b] = [size - 11 + (bit % 3), Math.floor(bit / 3)]
    set(a, b, dark)
    set(b, a, dark)
  }
}

function drawFormat(size: number, set: Draw, mask: number): void {
  let rest = mask // level M is 00
  for (let bit = 0; bit < 10; bit++) rest = (rest << 1) ^ ((rest >> 9) * 0x537)
  const bits = ((mask << 10) | rest) ^ 0x5412
  const dark = (bit: number) => ((bits >> bit) & 1) === 1
  for (let bit = 0; bit <= 5; bit++) set(8, bit, dark(bit))
  set(8, 7, dark(6))
  set(8, 8, dark(7))
  set(7, 8, dark(8))
  for (let bit = 9; bit < 15; bit++) set(14 - bit, 8, dark(bit))
  for (let bit = 0; bit < 8; bit++) set(size - 1 - bit, 8, dark(bit))
  for (let bit = 8; bit < 15; bit++) set(8, size - 15 + bit, dark(bit))
  set(8, size - 8, true)
}

// Mask 0 alone is allowed to a reader's eye, but a lopsided pattern reads worse: the one nearest to half dark is taken.
function bestMasked(modules: boolean[][], fixed: boolean[][], size: number): boolean[][] {
  const masks = [
    (x: number, y: number) => (x + y) % 2 === 0,
    (_: number, y: number) => y % 2 === 0,
    (x: number) => x % 3 === 0,
    (x: number, y: number) => (x + y) % 3 === 0,
  ]
  const masked = masks.map((isFlipped, mask) => {
    const result = modules.map((row, y) => row.map((dark, x) => dark !== (fixed[y]?.[x] !== true && isFlipped(x, y))))
    drawFormat(
      size,
      (x, y, dark) => {
        const row = result[y]
        if (row) row[x] = dark
      },
      mask,
    )
    return result
  })
  const imbalance = (rows: boolean[][]) => Math.abs(rows.flat().filter(Boolean).length / (size * size) - 0.5)
  return masked.toSorted((a, b) => imbalance(a) - imbalance(b))[0] ?? modules
}
