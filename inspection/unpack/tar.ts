// Entries of a tar file (ustar, GNU and pax names). Must never follow a link or trust a size beyond the end.
import type { Budget } from './budget.ts'

export type TarEntry = { readonly name: string; readonly bytes: Buffer }

export function* listTar(bytes: Buffer, budget: Budget, part?: string): Generator<TarEntry> {
  let at = 0
  let longName: string | null = null
  while (at + 512 <= bytes.length) {
    const head = bytes.subarray(at, at + 512)
    if (head.every((byte) => byte === 0)) return
    const size = sizeOf(head.subarray(124, 136))
    if (!isChecked(head) || size === null || at + 512 + size > bytes.length) {
      budget.unscannable('malformed', part)
      return
    }
    const body = bytes.subarray(at + 512, at + 512 + size)
    const kind = String.fromCharCode(head[156] ?? 0)
    at += 512 + Math.ceil(size / 512) * 512
    if (kind === 'L') longName = textOf(body)
    else if (kind === 'x')
      longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(body.toString('utf8', 0, Math.min(size, 8192)))?.[1] ?? longName
    else {
      const prefix = textOf(head.subarray(345, 500))
      const name =
        longName ?? (prefix === '' ? textOf(head.subarray(0, 100)) : `${prefix}/${textOf(head.subarray(0, 100))}`)
      longName = null
      if (size > 0 && (kind === '0' || kind === '\0' || kind === '7')) yield { name, bytes: body }
    }
  }
}

const textOf = (field: Buffer) => {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}

/** Octal text, or base 256 where the first bit is set. */
function sizeOf(field: Buffer): number | null {
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const value = field.readUIntBE(field.length - 6, 6)
    return field.subarray(1, field.length - 6).some((byte) => byte !== 0) ? null : value
  }
  const text = textOf(field).trim()
  return /^[0-7]*$/.test(text) ? Number.parseInt(text || '0', 8) : null
}

function isChecked(head: Buffer): boolean {
  let sum = 0
  for (let at = 0; at < 512; at++) sum += at >= 148 && at < 156 ? 0x20 : (head[at] ?? 0)
  return Number.parseInt(textOf(head.subarray(148, 156)).trim(), 8) === sum
}
