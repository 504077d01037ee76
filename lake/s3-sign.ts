// AWS Signature Version 4 for one request (the public "Signature Version 4 signing process"). Must never put the secret
// into anything it returns.
import { createHmac, hash } from 'node:crypto'

export type S3Credentials = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export type SignedParts = {
  readonly method: string
  /** Already encoded, as it goes on the wire. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** Names in lower case; all of them are signed. `host` must be among them. */
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hex. */
  readonly bodyHash: string
  readonly region: string
  readonly service: string
  readonly timeMs: number
}

const ALGORITHM = 'AWS4-HMAC-SHA256'

/** `20130524T000000Z` */
export function amzDate(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:]|\.\d{3}/g, '')
}

/** The value of the `authorization` header. */
export function authorization(parts: SignedParts, credentials: S3Credentials): string {
  const date = amzDate(parts.timeMs)
  const day = date.slice(0, 8)
  const scope = `${day}/${parts.region}/${parts.service}/aws4_request`
  const names = Object.keys(parts.headers).toSorted()
  const signed = names.join(';')
  const canonical = [
    parts.method,
    parts.path,
    encodeQuery(parts.query),
    ...names.map((name) => `${name}:${(parts.headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    signed,
    parts.bodyHash,
  ].join('\n')
  const text = [ALGORITHM, date, scope, hash('sha256', canonical, 'hex')].join('\n')
  let key: Buffer | string = `AWS4${credentials.secretAccessKey}`
  for (const part of [day, parts.region, parts.service, 'aws4_request']) key = mac(key, part)
  const signature = mac(key, text).toString('hex')
  return `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`
}

/** Sorted and encoded, both for signing and for the wire. */
export function encodeQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .toSorted(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** A path whose slashes stand; everything but the unreserved characters of RFC 3986 is encoded, once. */
export function encodePath(path: string): string {
  return path.split('/').map(encode).join('/')
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}

function mac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
