// Zip files for tests, with every lie that a sender could tell.
import { crc32, deflateRawSync } from 'node:zlib'

export type ZipPart = {
  readonly name: string
  readonly bytes: Buffer
  readonly localName?: string
  readonly flags?: number
  readonly localMethod?: number
  readonly method?: 0 | 8 | 12
  readonly crc?: number
  /** Take the data of the entry before. */
  readonly overlaps?: boolean
  /** No central entry. */
  readonly isHidden?: boolean
}

export function makeZip(parts: readonly ZipPart[], before: Buffer = Buffer.alloc(0)): Buffer {
  const locals: Buffer[] = [before]
  const central: Buffer[] = []
  let at = before.length
  let lastAt = at
  for (const part of parts) {
    const method = part.method ?? 8
    const data = method === 8 ? deflateRawSync(part.bytes) : part.bytes
    const crc = part.crc ?? crc32(part.bytes)
    const localName = Buffer.from(part.localName ?? part.name)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(20, 4)
    local.writeUInt16LE(part.flags ?? 0, 6)
    local.writeUInt16LE(part.localMethod ?? method, 8)
    local.writeUInt32LE(crc, 14)
    local.writeUInt32LE(data.length, 18)
    local.writeUInt32LE(part.bytes.length, 22)
    local.writeUInt16LE(localName.length, 26)
    const place = part.overlaps === true ? lastAt : at
    if (part.overlaps !== true) {
      locals.push(local, localName, data)
      lastAt = at
      at += 30 + localName.length + data.length
    }
    if (part.isHidden === true) continue
    const name = Buffer.from(part.name)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0)
    entry.writeUInt16LE(20, 6)
    entry.writeUInt16LE(part.flags ?? 0, 8)
    entry.writeUInt16LE(method, 10)
    entry.writeUInt32LE(crc, 16)
    entry.writeUInt32LE(data.length, 20)
    entry.writeUInt32LE(part.bytes.length, 24)
    entry.writeUInt16LE(name.length, 28)
    entry.writeUInt32LE(place, 42)
    central.push(entry, name)
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  const count = parts.filter(({ isHidden }) => isHidden !== true).length
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...locals, directory, end])
}

export function makeTar(parts: readonly { readonly name: string; readonly bytes: Buffer }[]): Buffer {
  const out: Buffer[] = []
  for (const { name, bytes } of parts) {
    const head = Buffer.alloc(512)
    head.write(name, 0, 'utf8')
    head.write('0000644\0', 100)
    head.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124)
    head.write('        ', 148)
    head.write('0', 156)
    head.write('ustar\0', 257)
    const sum = head.reduce((total, byte) => total + byte, 0)
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    out.push(head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512))
  }
  return Buffer.concat([...out, Buffer.alloc(1024)])
}
