// Addresses of cryptocurrencies, by their checksums: base58check, bech32 and bech32m, EIP-55. Called with whole words of
// letters and digits only.
import { createHash } from 'node:crypto'
import { keccak256 } from './keccak.ts'

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const rippleBase58 = 'rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz'
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest()

function decode58(text: string, alphabet: string): Buffer | null {
  let value = 0n
  for (const character of text) {
    const digit = alphabet.indexOf(character)
    if (digit < 0) return null
    value = value * 58n + BigInt(digit)
  }
  const hex = value.toString(16)
  let zeros = 0
  while (text[zeros] === alphabet[0]) zeros++
  return Buffer.concat([Buffer.alloc(zeros), Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')])
}

/** The version byte and the length of the payload, or null when the checksum is wrong. */
function base58check(text: string, alphabet = base58): { readonly version: number; readonly length: number } | null {
  const bytes = decode58(text, alphabet)
  if (bytes === null || bytes.length < 5) return null
  const body = bytes.subarray(0, -4)
  return sha256(sha256(body)).subarray(0, 4).equals(bytes.subarray(-4))
    ? { version: body[0] ?? 0, length: body.length }
    : null
}

const bech32Letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]

/** BIP 173 (constant 1) and BIP 350 (constant 0x2bc830a3). */
export function bech32IsValid(text: string): boolean {
  const lower = text.toLowerCase()
  if (text !== lower && text !== text.toUpperCase()) return false
  const split = lower.lastIndexOf('1')
  if (split < 1 || lower.length - split < 7) return false
  let check = 1
  const feed = (value: number) => {
    const top = check >>> 25
    check = ((check & 0x1ffffff) << 5) ^ value
    for (let bit = 0; bit < 5; bit++) if ((top >>> bit) & 1) check ^= generators[bit] ?? 0
  }
  for (let at = 0; at < split; at++) feed(lower.charCodeAt(at) >> 5)
  feed(0)
  for (let at = 0; at < split; at++) feed(lower.charCodeAt(at) & 31)
  for (let at = split + 1; at < lower.length; at++) {
    const value = bech32Letters.indexOf(lower.charAt(at))
    if (value < 0) return false
    feed(value)
  }
  return check === 1 || check === 0x2bc830a3
}

/** The letters' case is the checksum; all in one case carry none. */
export function ethereumCase(address: string): 'checked' | 'none' | 'wrong' {
  const body = address.slice(2)
  const lower = body.toLowerCase()
  if (body === lower || body === body.toUpperCase()) return 'none'
  const hash = keccak256(Buffer.from(lower, 'latin1')).toString('hex')
  for (let at = 0; at < 40; at++) {
    const character = lower.charAt(at)
    const expected = Number.parseInt(hash.charAt(at), 16) >= 8 ? character.toUpperCase() : character
    if (body.charAt(at) !== expected) return 'wrong'
  }
  return 'checked'
}

export type Wallet = { readonly type: string; readonly confidence: number }

/** What a word of 25 to 95 characters is, or null. `isNear`: a word about wallets is nearby. */
export function walletOf(word: string, isNear: () => boolean): Wallet | null {
  const { length } = word
  if (length === 42 && /^0x[0-9a-fA-F]{40}$/.test(word)) {
    const kind = ethereumCase(word)
    if (kind === 'checked') return { type: 'ETHEREUM_ADDRESS', confidence: 0.98 }
    return kind === 'none' && !/^0x(.)\1{30}/.test(word)
      ? { type: 'ETHEREUM_ADDRESS', confidence: isNear() ? 0.9 : 0.6 }
      : null
  }
  if (/^(?:bc1|BC1|tb1|ltc1)/.test(word) && length <= 90)
    return bech32IsValid(word)
      ? { type: word.startsWith('ltc') ? 'LITECOIN_ADDRESS' : 'BITCOIN_ADDRESS', confidence: 0.99 }
      : null
  if (length === 95 && /^[48][1-9A-HJ-NP-Za-km-z]{94}$/.test(word))
    return { type: 'MONERO_ADDRESS', confidence: isNear() ? 0.95 : 0.75 }
  if (length > 52) return null
  switch (word.charAt(0)) {
    case '1':
    case '3': {
      const read = length <= 35 ? base58check(word) : null
      return read?.length === 21 && (read.version === 0 || read.version === 5)
        ? { type: 'BITCOIN_ADDRESS', confidence: 0.99 }
        : null
    }
    case '5':
    case 'K':
    case 'L':
    case 'M': {
      const read = base58check(word)
      if (read === null) return null
      if (read.version === 0x80 && read.length >= 33) return { type: 'BITCOIN_PRIVATE_KEY', confidence: 0.99 }
      return read.length === 21 && (read.version === 0x30 || read.version === 0x32)
        ? { type: 'LITECOIN_ADDRESS', confidence: 0.98 }
        : null
    }
    case 'D': {
      const read = length === 34 ? base58check(word) : null
      return read?.version === 0x1e && read.length === 21 ? { type: 'DOGECOIN_ADDRESS', confidence: 0.98 } : null
    }
    case 'T': {
      const read = length === 34 ? base58check(word) : null
      return read?.version === 0x41 && read.length === 21 ? { type: 'TRON_ADDRESS', confidence: 0.98 } : null
    }
    case 'r': {
      const read = length <= 35 ? base58check(word, rippleBase58) : null
      return read?.version === 0 && read.length === 21 ? { type: 'RIPPLE_ADDRESS', confidence: 0.98 } : null
    }
    default:
      return null
  }
}
