// Keccak-256 as Ethereum uses it (the padding from before FIPS 202), for the checksum in the letters' case (EIP-55).
// Short inputs only; must never be used to protect anything.
const MASK = (1n << 64n) - 1n
const rotations = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14]

function roundConstants(): readonly bigint[] {
  let state = 1
  return Array.from({ length: 24 }, () => {
    let constant = 0n
    for (let bit = 0; bit < 7; bit++) {
      if (state & 1) constant |= 1n << BigInt((1 << bit) - 1)
      state = (state << 1) ^ (state & 0x80 ? 0x171 : 0)
    }
    return constant
  })
}
const constants = roundConstants()
const rotate = (value: bigint, by: number) => ((value << BigInt(by)) | (value >> BigInt(64 - by))) & MASK

function permute(lanes: bigint[]): void {
  const lane = (at: number) => lanes[at] ?? 0n
  for (const constant of constants) {
    const columns = [0, 1, 2, 3, 4].map((x) => lane(x) ^ lane(x + 5) ^ lane(x + 10) ^ lane(x + 15) ^ lane(x + 20))
    const mixed = lanes.map(
      (value, at) => value ^ (columns[(at + 4) % 5] ?? 0n) ^ rotate(columns[(at + 1) % 5] ?? 0n, 1),
    )
    const moved: bigint[] = Array.from({ length: 25 }, () => 0n)
    for (let x = 0; x < 5; x++)
      for (let y = 0; y < 5; y++)
        moved[y + 5 * ((2 * x + 3 * y) % 5)] = rotate(mixed[x + 5 * y] ?? 0n, rotations[x + 5 * y] ?? 0)
    for (let at = 0; at < 25; at++) {
      const row = at - (at % 5)
      lanes[at] =
        (moved[at] ?? 0n) ^ (~(moved[row + ((at + 1) % 5)] ?? 0n) & MASK & (moved[row + ((at + 2) % 5)] ?? 0n))
    }
    lanes[0] = lane(0) ^ constant
  }
}

/** At most 135 bytes of input: one block. */
export function keccak256(input: Buffer): Buffer {
  if (input.length > 135) throw new RangeError('one block only')
  const block = Buffer.alloc(136)
  input.copy(block)
  block[input.length] = 1
  block[135] = (block[135] ?? 0) | 0x80
  const lanes = Array.from({ length: 25 }, (_, at) => (at < 17 ? block.readBigUInt64LE(at * 8) : 0n))
  permute(lanes)
  const out = Buffer.alloc(32)
  for (let at = 0; at < 4; at++) out.writeBigUInt64LE(lanes[at] ?? 0n, at * 8)
  return out
}
