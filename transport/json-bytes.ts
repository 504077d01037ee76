// Parses JSON that came from a peer: UTF-8 without exceptions, bounded depth. Must never throw anything but the
// caller's Fault, whatever the bytes.
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const [QUOTE, BACKSLASH, OPEN_ARRAY, OPEN_OBJECT, CLOSE_ARRAY, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x7b, 0x5d, 0x7d]

/** The value, or Fault `wire-malformed`. */
export function parseJsonBytes(bytes: Uint8Array, maxDepth: number = caps.jsonDepth.default): unknown {
  // Measured before parsing: V8 parses any depth, and it is the walkers behind us that would overflow.
  if (jsonDepth(bytes) > maxDepth) throw new Fault('wire-malformed', { detail: { why: 'nested too deeply' } })
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch (error) {
    throw new Fault('wire-malformed', { detail: { why: 'not JSON' }, cause: error })
  }
}

function jsonDepth(bytes: Uint8Array): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (inString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) deepest = Math.max(deepest, ++depth)
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--
  }
  return deepest
}
