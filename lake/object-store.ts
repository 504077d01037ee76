// Where the lake's files may be copied to: keys and bytes, nothing of one product. Must never be asked for a key that the
// lake did not make.
import { Fault } from '#core/fault.ts'

export type ObjectInfo = { readonly key: string; readonly bytes: number }

export type ObjectStore = {
  /** Puts a local file there, whole or not at all; what was there is replaced. `sha256` in hex is checked where the store can. */
  readonly putFile: (key: string, path: string, sha256: string, signal: AbortSignal) => Promise<void>
  readonly put: (key: string, bytes: Uint8Array, signal: AbortSignal) => Promise<void>
  /** undefined: there is no such object. `at-capacity` beyond `maxBytes`. */
  readonly get: (key: string, maxBytes: number, signal: AbortSignal) => Promise<Uint8Array | undefined>
  readonly head: (key: string, signal: AbortSignal) => Promise<ObjectInfo | undefined>
  /** Every object below a prefix, in the order of the keys' bytes. */
  readonly list: (prefix: string, signal: AbortSignal) => AsyncIterable<ObjectInfo>
  /** No error when there is none. */
  readonly remove: (key: string, signal: AbortSignal) => Promise<void>
  /** Removes everything below a prefix, which must end in `/`. */
  readonly removeAll: (prefix: string, signal: AbortSignal) => Promise<void>
}

const keyPattern = /^(?!.*\.\.)(?!\/)[A-Za-z0-9/_=.-]{1,900}$/

/** Letters, digits and `/ _ = . -`; no empty, `.` or `..` segment. Throws `request-malformed`. */
export function checkKey(key: string): string {
  const isPlain = keyPattern.test(key) && key.split('/').every((part) => part !== '' && part !== '.')
  if (!isPlain) throw new Fault('request-malformed', { hint: 'Not a key of the object store.' })
  return key
}

/** As a key, but ending in `/`; or empty, which is everything. */
export function checkPrefix(prefix: string): string {
  if (prefix === '') return prefix
  if (!prefix.endsWith('/')) throw new Fault('request-malformed', { hint: 'A prefix ends in a slash.' })
  return `${checkKey(prefix.slice(0, -1))}/`
}
