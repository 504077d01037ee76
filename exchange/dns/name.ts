// Names in DNS messages (RFC 1035). Must never follow a pointer forwards, read past the end, or give two readings of one
// name: a label with a dot in it is no host name here.
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'

const MAX_NAME_BYTES = 255
const POINTER = 0xc0
/** Real names need one or two; ladders of them made 64 KiB take 133 ms. */
const MAX_POINTERS = caps.pointers.default

/** A name without compression, and where reading goes on. Throws `wire-malformed`. */
export function readName(message: Uint8Array, at: number): { readonly wire: Uint8Array; readonly next: number } {
  const wire: number[] = []
  let place = at
  let next: number | undefined
  let lowest = at
  let pointers = 0
  for (;;) {
    const length = message[place]
    if (length === undefined) throw malformed('a name without end')
    if ((length & POINTER) === POINTER) {
      const low = message[place + 1]
      if (low === undefined) throw malformed('half a pointer')
      next ??= place + 2
      place = ((length & 0x3f) << 8) | low
      // Only ever backwards: no loop can be built of that.
      if (place >= lowest) throw malformed('a pointer forwards')
      lowest = place
      if (++pointers > MAX_POINTERS) throw malformed('a ladder of pointers')
      continue
    }
    if ((length & POINTER) !== 0) throw malformed('a label of no known kind')
    if (wire.length + length + 1 > MAX_NAME_BYTES || place + 1 + length > message.length) throw malformed('a long name')
    for (let byte = place; byte <= place + length; byte++) wire.push(message[byte] ?? 0)
    place += length + 1
    if (length === 0) return { wire: Uint8Array.from(wire), next: next ?? place }
  }
}

/** The name as text, lower case, without the last dot; `undefined` when it is none that a host or service could have. */
export function textOf(wire: Uint8Array): string | undefined {
  const labels: string[] = []
  for (let at = 0; (wire[at] ?? 0) !== 0;) {
    const length = wire[at] ?? 0
    let label = ''
    for (const byte of wire.subarray(at + 1, at + 1 + length)) {
      const letter = byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte
      const isPlain =
        (letter >= 0x61 && letter <= 0x7a) || (letter >= 0x30 && letter <= 0x39) || letter === 0x2d || letter === 0x5f
      if (!isPlain) return undefined
      label += String.fromCharCode(letter)
    }
    labels.push(label)
    at += length + 1
  }
  return labels.join('.')
}

/** Throws `wire-malformed` when a label or the name is too long. */
export function wireOf(name: string): Uint8Array {
  const labels = name === '' ? [] : name.split('.')
  const wire: number[] = []
  for (const label of labels) {
    if (label.length === 0 || label.length > 63) throw malformed('a label of this length')
    wire.push(label.length, ...Array.from(label, (letter) => letter.charCodeAt(0) & 0xff))
  }
  wire.push(0)
  if (wire.length > MAX_NAME_BYTES) throw malformed('a long name')
  return Uint8Array.from(wire)
}

export function malformed(why: string): Fault {
  return new Fault('wire-malformed', { detail: { why } })
}
