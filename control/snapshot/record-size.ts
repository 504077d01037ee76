// How large one record may be: it travels whole, in one delta or one chunk, to an exchange that serves other tenants
// too. Must never let a record pass that does not fit both.
import type { Change } from '#core/records/records.ts'
import { Fault } from '#core/fault.ts'
import { caps } from '#control/caps.ts'

/** What is wrong with the JSON text of a record or of a change that holds one; undefined when it can travel. */
export function oversizeOf(json: string): string | undefined {
  // Twice the bytes at most when the text is quoted once more, as it is in a chunk.
  if (Buffer.byteLength(json) > caps.recordBytes.default)
    return `exchanges would get more than ${caps.recordBytes.default} bytes for it; make it smaller or split it`
  if (depthOf(json) > caps.recordDepth.default)
    return `it nests deeper than ${caps.recordDepth.default} levels as exchanges get it; make it flatter or split it`
  return undefined
}

/** The change as it is stored. Throws Fault `request-too-large` for one that could not travel. */
export function changeText(change: Change): string {
  const text = JSON.stringify(change)
  const oversize = oversizeOf(text)
  if (oversize === undefined) return text
  const { kind, name } = change.op === 'put' ? { name: '', ...change.record } : { kind: change.kind, name: '' }
  throw new Fault('request-too-large', { hint: `The ${kind} ${name}: ${oversize}.` })
}

function depthOf(json: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (inString) {
      if (code === 0x5c) at++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth)
    else if (code === 0x5d || code === 0x7d) depth--
  }
  return deepest
}
