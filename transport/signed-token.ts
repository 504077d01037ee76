// Signed statements between our parts: `v1.<purpose>.<payload>.<signature>`, synchronous. Must never let a token
// made for one purpose pass for another: the purpose is under the signature, and the verifier names it.
import { sign, verify, type KeyObject } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { fromBase64url, toBase64url } from './base64url.ts'
import { caps } from './caps.ts'

export type VerifyOptions = {
  /** When given, the payload must carry an integer `expiresAtMs` later than this, and no later `notBeforeMs`. */
  readonly nowMs?: number
  readonly maxBytes?: number
}

const purposePattern = /^[a-z][a-z0-9-]{0,31}$/
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const SIGNATURE_BYTES = 64

/** Signs with an Ed25519 or ECDSA P-256 private key; throws `RangeError` for any other key or a bad purpose. */
export function signToken(purpose: string, payload: object, key: KeyObject): string {
  const bytes = Buffer.from(JSON.stringify(payload), 'utf8')
  const data = signedData(purpose, bytes)
  const signature = isEd25519(key)
    ? sign(null, data, key)
    : lowS(sign('sha256', data, { key: requireP256(key), dsaEncoding: 'ieee-p1363' }))
  return `v1.${purpose}.${toBase64url(bytes)}.${toBase64url(signature)}`
}

/** The payload of a token signed for `purpose` by one of `publicKeys`; else throws Fault `token-invalid`. */
export function verifyToken(
  purpose: string,
  token: string,
  publicKeys: readonly KeyObject[],
  options: VerifyOptions = {},
): unknown {
  // The public answer is one for all: which check failed helps only who is guessing.
  const refuse = (why: string) => new Fault('token-invalid', { detail: { purpose, why } })
  if (typeof token !== 'string' || token.length > (options.maxBytes ?? caps.tokenBytes.default)) throw refuse('size')
  const parts = token.split('.', 5)
  const [version, saidPurpose, payloadText, signatureText] = parts
  if (parts.length !== 4 || version !== 'v1' || saidPurpose !== purpose) throw refuse('form')
  const bytes = fromBase64url(payloadText ?? '')
  const signature = fromBase64url(signatureText ?? '')
  if (bytes === undefined || signature?.length !== SIGNATURE_BYTES) throw refuse('encoding')
  const data = signedData(purpose, bytes)
  if (!publicKeys.some((key) => isSignedBy(key, data, signature))) throw refuse('signature')
  const payload = parsePayload(bytes)
  if (payload === undefined) throw refuse('payload')
  if (options.nowMs !== undefined && !isInForce(payload, options.nowMs)) throw refuse('time')
  return payload
}

function signedData(purpose: string, payload: Uint8Array): Buffer {
  // A line break cannot occur in a purpose, so no payload can imitate another purpose's first line.
  if (!purposePattern.test(purpose)) throw new RangeError('a token purpose is lower case letters, digits and dashes')
  return Buffer.concat([Buffer.from(`sallyport:${purpose}:v1\n`, 'latin1'), payload])
}

function isSignedBy(key: KeyObject, data: Buffer, signature: Buffer): boolean {
  if (isEd25519(key)) return verify(null, data, key, signature)
  // ECDSA has two signatures per signature, (r, s) and (r, n - s): only the lower one is a token of ours.
  if (sOf(signature) > P256_ORDER / 2n) return false
  return verify('sha256', data, { key: requireP256(key), dsaEncoding: 'ieee-p1363' }, signature)
}

function isEd25519(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ed25519'
}

function requireP256(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  throw new RangeError('token keys are Ed25519 or ECDSA P-256')
}

function sOf(signature: Buffer): bigint {
  return BigInt(`0x${signature.toString('hex', 32)}`)
}

function lowS(signature: Buffer): Buffer {
  const s = sOf(signature)
  if (s <= P256_ORDER / 2n) return signature
  const low = Buffer.from((P256_ORDER - s).toString(16).padStart(64, '0'), 'hex')
  return Buffer.concat([signature.subarray(0, 32), low])
}

function parsePayload(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function isInForce(payload: Readonly<Record<string, unknown>>, nowMs: number): boolean {
  const { expiresAtMs, notBeforeMs } = payload
  if (!Number.isSafeInteger(expiresAtMs) || Number(expiresAtMs) <= nowMs) return false
  return notBeforeMs === undefined || (Number.isSafeInteger(notBeforeMs) && Number(notBeforeMs) <= nowMs)
}
