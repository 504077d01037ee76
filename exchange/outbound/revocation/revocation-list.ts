// One revocation list (CRL, RFC 5280, 5): whose it is, and which serial numbers it names. Must never read a list that
// speaks for other authorities or only of changes, as if it were a whole one.
import { DerCursor, derTags, serialOf, timeOf, type Der } from './der-cursor.ts'
import { readSigned, type Signed } from './signed.ts'

export type RevocationList = {
  readonly signed: Signed
  /** The issuer's name as encoded, hexadecimal. */
  readonly issuer: string
  readonly nextUpdateMs: number
  readonly serials: ReadonlySet<string>
}

const EXTENSIONS = 0xa0
const oid = { deltaList: '551d1b', distributionPoint: '551d1c', certificateIssuer: '551d1d' } as const
/** Of the issuing distribution point: the list speaks for several issuers. */
const INDIRECT = 0x84

/** DER or PEM. Throws `RangeError`. `maxEntries`: more are refused. */
export function readRevocationList(bytes: Buffer, maxEntries: number): RevocationList {
  const outer = new DerCursor(derOf(bytes))
  const signed = readSigned(outer.into(derTags.sequence))
  if (outer.tag !== undefined) throw new RangeError('DER: something follows the list')
  const body = new DerCursor(signed.body.content)
  body.optional(derTags.integer)
  body.next(derTags.sequence)
  const issuer = body.next(derTags.sequence).whole.toString('hex')
  timeOf(body.next())
  const isTime = body.tag === derTags.utcTime || body.tag === derTags.generalizedTime
  const nextUpdateMs = isTime ? timeOf(body.next()) : Infinity
  const entries = body.optional(derTags.sequence)
  const serials = entries === undefined ? new Set<string>() : serialsIn(entries, maxEntries)
  const extensions = body.optional(EXTENSIONS)
  if (extensions !== undefined) refuseForeign(new DerCursor(extensions.content).next(derTags.sequence))
  return { signed, issuer, nextUpdateMs, serials }
}

function serialsIn({ content }: Der, maxEntries: number): ReadonlySet<string> {
  const serials = new Set<string>()
  const list = new DerCursor(content)
  while (list.tag !== undefined) {
    const entry = list.into(derTags.sequence)
    serials.add(serialOf(entry.next(derTags.integer)))
    if (serials.size > maxEntries) throw new RangeError('a list with too many entries')
    entry.next()
    const extensions = entry.optional(derTags.sequence)
    for (const { id } of extensions === undefined ? [] : extensionsIn(extensions))
      if (id === oid.certificateIssuer) throw new RangeError('a list that speaks for several issuers')
  }
  return serials
}

function refuseForeign(extensions: Der): void {
  for (const { id, value } of extensionsIn(extensions)) {
    if (id === oid.deltaList) throw new RangeError('a list of changes only')
    if (id !== oid.distributionPoint) continue
    const point = new DerCursor(value).into(derTags.sequence)
    while (point.tag !== undefined) {
      const { tag, content } = point.next()
      if (tag === INDIRECT && content[0] !== 0) throw new RangeError('a list that speaks for several issuers')
    }
  }
}

function* extensionsIn({ content }: Der): Generator<{ readonly id: string; readonly value: Buffer }> {
  const list = new DerCursor(content)
  while (list.tag !== undefined) {
    const extension = list.into(derTags.sequence)
    const id = extension.next(derTags.objectIdentifier).content.toString('hex')
    extension.optional(BOOLEAN)
    yield { id, value: extension.next(derTags.octetString).content }
  }
}

const BOOLEAN = 0x01

function derOf(bytes: Buffer): Buffer {
  const head = bytes.toString('latin1', 0, 64)
  if (!head.includes('-----BEGIN X509 CRL-----')) return bytes
  const text = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/.exec(bytes.toString('latin1'))?.[1]
  if (text === undefined) throw new RangeError('PEM: not a revocation list')
  return Buffer.from(text, 'base64')
}
