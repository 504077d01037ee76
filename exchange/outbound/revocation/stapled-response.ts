// The word of an authority on one certificate that a site hands over with it (OCSP stapling, RFC 6960). Must never
// believe one that is unsigned, signed by somebody else, about another certificate, or not of now.
import { createHash, X509Certificate } from 'node:crypto'
import { DerCursor, derTags, serialOf, timeOf } from './der-cursor.ts'
import { isSignedBy, namesOf, readSigned, type Signed } from './signed.ts'

const EXPLICIT_0 = 0xa0
const EXPLICIT_1 = 0xa1
const EXPLICIT_2 = 0xa2
const REVOKED = 0xa1
const BASIC_RESPONSE = '2b0601050507300101'
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'
const MAX_RESPONSE_BYTES = 64 * 1024
const MAX_CERTIFICATES = 5
const CLOCK_SKEW_MS = 300_000
/** RFC 6960 lets a responder leave out the next update; then it is good for this long. */
const LIFE_WITHOUT_END_MS = 7 * 86_400_000

const certificateHashes: ReadonlyMap<string, string> = new Map([
  ['2b0e03021a', 'sha1'],
  ['608648016503040201', 'sha256'],
])

/** Whether the issuer says, verifiably and now, that this certificate is revoked. What cannot be read says nothing. */
export function isRevokedByStaple(
  response: Buffer,
  certificate: X509Certificate,
  issuer: X509Certificate,
  nowMs: number,
): boolean {
  if (response.length === 0 || response.length > MAX_RESPONSE_BYTES) return false
  try {
    const { signed, certificates } = basicResponse(response)
    if (!isByIssuer(signed, certificates, issuer, nowMs)) return false
    return saysRevoked(signed, certificate, issuer, nowMs)
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

type Basic = { readonly signed: Signed; readonly certificates: readonly Buffer[] }

function basicResponse(bytes: Buffer): Basic {
  const outer = new DerCursor(bytes).into(derTags.sequence)
  if (outer.next(derTags.enumerated).content[0] !== 0) throw new RangeError('OCSP: not a success')
  const wrapped = outer.into(EXPLICIT_0).into(derTags.sequence)
  if (wrapped.next(derTags.objectIdentifier).content.toString('hex') !== BASIC_RESPONSE) {
    throw new RangeError('OCSP: another kind of response')
  }
  const basic = new DerCursor(wrapped.next(derTags.octetString).content).into(derTags.sequence)
  const signed = readSigned(basic)
  const certificates: Buffer[] = []
  const list = basic.optional(EXPLICIT_0)
  if (list !== undefined) {
    const each = new DerCursor(list.content).into(derTags.sequence)
    while (each.tag !== undefined && certificates.length < MAX_CERTIFICATES) certificates.push(each.next().whole)
  }
  return { signed, certificates }
}

/** By the issuer itself, or by whom the issuer has named for it in a certificate (RFC 6960, 4.2.2.2). */
function isByIssuer(signed: Signed, certificates: readonly Buffer[], issuer: X509Certificate, nowMs: number): boolean {
  if (isSignedBy(signed, issuer.publicKey)) return true
  return certificates.some((raw) => {
    const responder = new X509Certificate(raw)
    return (
      responder.checkIssued(issuer) &&
      responder.verify(issuer.publicKey) &&
      responder.keyUsage?.includes(OCSP_SIGNING) === true &&
      responder.validFromDate.getTime() <= nowMs &&
      nowMs <= responder.validToDate.getTime() &&
      isSignedBy(signed, responder.publicKey)
    )
  })
}

function saysRevoked({ body }: Signed, certificate: X509Certificate, issuer: X509Certificate, nowMs: number): boolean {
  const data = new DerCursor(body.content)
  data.optional(EXPLICIT_0)
  if (data.tag === EXPLICIT_1 || data.tag === EXPLICIT_2) data.next()
  data.next()
  const answers = data.into(derTags.sequence)
  const wanted = { serial: namesOf(certificate.raw).serial, ...keysOf(issuer) }
  while (answers.tag !== undefined) {
    const answer = answers.into(derTags.sequence)
    const isAboutIt = isAbout(answer.into(derTags.sequence), wanted)
    const status = answer.next().tag
    const fromMs = timeOf(answer.next())
    const next = answer.optional(EXPLICIT_0)
    const untilMs = next === undefined ? fromMs + LIFE_WITHOUT_END_MS : timeOf(new DerCursor(next.content).next())
    const isOfNow = fromMs - CLOCK_SKEW_MS <= nowMs && nowMs <= untilMs + CLOCK_SKEW_MS
    if (isAboutIt && isOfNow && status === REVOKED) return true
  }
  return false
}

type Wanted = { readonly serial: string; readonly name: Buffer; readonly keyBits: Buffer }

function keysOf(issuer: X509Certificate): Pick<Wanted, 'name' | 'keyBits'> {
  const { subject, keyBits } = namesOf(issuer.raw)
  return { name: subject, keyBits }
}

function isAbout(id: DerCursor, { serial, name, keyBits }: Wanted): boolean {
  const hash = certificateHashes.get(id.into(derTags.sequence).next(derTags.objectIdentifier).content.toString('hex'))
  const nameHash = id.next(derTags.octetString).content
  const keyHash = id.next(derTags.octetString).content
  const said = serialOf(id.next(derTags.integer))
  if (hash === undefined || said !== serial) return false
  const of = (bytes: Buffer) => createHash(hash).update(bytes).digest()
  return of(name).equals(nameHash) && of(keyBits).equals(keyHash)
}
