// What is wrong with a site's certificate, each thing by itself: OpenSSL names one problem, and a tenant that lets
// expired certificates pass must not thereby let strangers pass. Must never call a certificate good that is not.
import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { ProblemAction, WebSettings } from '#core/records/outbound.ts'
import type { RevocationLists } from './revocation/revocation-lists.ts'
import { isRevokedByStaple } from './revocation/stapled-response.ts'

/** `invalid`: anything that no tenant may let pass. */
export type CertificateProblem = 'expired' | 'wrong-name' | 'unknown-issuer' | 'revoked' | 'invalid'

export type OriginProblems = { readonly problems: readonly CertificateProblem[]; readonly detail: string }

const MAX_CHAIN = 10

const unknownIssuerCodes: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
])
const timeCodes: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

export type Roots = ReadonlyMap<string, readonly X509Certificate[]>

export type Revocation = {
  /** What the site handed over with its certificate. */
  readonly staple: Buffer | undefined
  readonly lists: Pick<RevocationLists, 'isRevoked'>
}

/** `roots`: the authorities that are trusted, by subject. */
export function problemsOf(
  socket: TLSSocket,
  host: string,
  roots: Roots,
  revocation: Revocation,
  nowMs: number,
): OriginProblems | undefined {
  const chain = chainOf(socket)
  const [leaf] = chain
  if (leaf === undefined) return { problems: ['invalid'], detail: 'no certificate' }
  const problems = new Set<CertificateProblem>()
  const code = verifyCode(socket)
  // Node reports a name that does not fit only when all else is well: here it is looked at whatever else is wrong.
  if (!isFor(leaf, host)) problems.add('wrong-name')
  if (chain.some((each) => !isInTime(each, nowMs)) || timeCodes.has(code)) problems.add('expired')
  if (unknownIssuerCodes.has(code)) problems.add('unknown-issuer')
  else if (timeCodes.has(code)) {
    // The one code may hide the other: who signed it is looked at by hand.
    if (!isTrusted(chain, roots, nowMs)) problems.add('unknown-issuer')
  } else if (code !== '' && code !== 'ERR_TLS_CERT_ALTNAME_INVALID') problems.add('invalid')
  if (isRevoked(chain, roots, revocation, nowMs)) problems.add('revoked')
  return problems.size === 0
    ? undefined
    : { problems: [...problems], detail: code !== '' ? code : problems.has('revoked') ? 'revoked' : 'name' }
}

/** The strictest of what the tenant wants for each problem. */
export function actionFor({ problems }: OriginProblems, { certificates }: WebSettings): ProblemAction {
  const wanted: Record<CertificateProblem, ProblemAction> = {
    expired: certificates.expired,
    'wrong-name': certificates.wrongName,
    'unknown-issuer': certificates.unknownIssuer,
    revoked: certificates.revoked,
    invalid: 'block',
  }
  const actions = problems.map((problem) => wanted[problem])
  return actions.includes('block') ? 'block' : actions.includes('warn') ? 'warn' : 'pass'
}

function verifyCode(socket: TLSSocket): string {
  const error: unknown = socket.authorizationError
  if (error === null || error === undefined) return socket.authorized ? '' : 'UNVERIFIED'
  if (typeof error === 'string') return error
  return error instanceof Error && 'code' in error ? String(error.code) : 'UNVERIFIED'
}

/** By subject alternative names alone (RFC 9525): Node's own check would still take a common name. */
function isFor(leaf: X509Certificate, host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) !== 0) return leaf.checkIP(bare) !== undefined
  return leaf.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined
}

function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = []
  let next = socket.getPeerX509Certificate()
  while (next !== undefined && chain.length < MAX_CHAIN) {
    if (chain.some(({ fingerprint256 }) => fingerprint256 === next?.fingerprint256)) break
    chain.push(next)
    next = next.issuerCertificate
  }
  return chain
}

function isInTime({ validFromDate, validToDate }: X509Certificate, nowMs: number): boolean {
  return validFromDate.getTime() <= nowMs && nowMs <= validToDate.getTime()
}

/** Signed step by step by authorities, the last of which was issued by one of ours, or is one. */
function isTrusted(chain: readonly X509Certificate[], roots: Roots, nowMs: number): boolean {
  for (const [at, certificate] of chain.entries()) {
    if (at > 0 && !certificate.ca) return false
    const issuers = roots.get(certificate.issuer) ?? []
    if (issuers.some((root) => root.ca && isInTime(root, nowMs) && isIssuedBy(certificate, root))) return true
    const issuer = chain[at + 1]
    if (issuer === undefined || !isIssuedBy(certificate, issuer)) return false
  }
  return false
}

/** By its issuer's own word on the site's certificate, or by a list on any of the chain. */
function isRevoked(
  chain: readonly X509Certificate[],
  roots: Roots,
  { staple, lists }: Revocation,
  nowMs: number,
): boolean {
  return chain.some((certificate, at) => {
    const known = [...chain.slice(at + 1, at + 2), ...(roots.get(certificate.issuer) ?? [])]
    const issuer = known.find((each) => each.ca && isIssuedBy(certificate, each))
    if (issuer === undefined) return false
    const isStapled = at === 0 && staple !== undefined && isRevokedByStaple(staple, certificate, issuer, nowMs)
    return isStapled || lists.isRevoked(certificate, issuer)
  })
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}
