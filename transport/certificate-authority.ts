// Makes certificate authorities and issues leaf certificates: ECDSA P-256, random serials, critical constraints.
// Must never copy a name, usage or extension from a request: the caller says what the certificate says.
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, randomBytes, webcrypto, X509Certificate as Parsed } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type Extension,
  type JsonGeneralNames,
  type JsonName,
} from '@peculiar/x509'
import { caps } from './caps.ts'
import { nameConstraintsExtension, type NameConstraints } from './name-constraints.ts'

export type Authority = { readonly certificatePem: string; readonly privateKeyPem: string }
export type CertificateUsage = 'server' | 'client'

export type AuthorityRequest = {
  readonly commonName: string
  readonly days: number
  /** How many authorities may follow below this one; 0: leaves only. */
  readonly pathLength: number
  readonly nameConstraints?: NameConstraints
  /** What leaves below may be used for; absent: anything. */
  readonly usages?: readonly CertificateUsage[]
  /** Who signs it; absent: itself (a root). */
  readonly parent?: Authority
  readonly nowMs?: number
}

export type CertificateRequest = {
  /** SPKI DER of the subject's key, e.g. from `readCsr`. */
  readonly publicKey: Uint8Array
  readonly commonName: string
  readonly sanUris?: readonly string[]
  readonly sanDns?: readonly string[]
  readonly sanIps?: readonly string[]
  readonly usages: readonly CertificateUsage[]
  /** Default: now. Five minutes are taken off for clocks that run behind. */
  readonly notBefore?: Date
  /** Held to the authority's own end. */
  readonly notAfter: Date
}

export type IssuedCertificate = {
  /** The leaf only; send `chainPem` (leaf and intermediate) where the authority is not a root. */
  readonly certificatePem: string
  readonly serial: string
  readonly notAfter: Date
}

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const CLOCK_SKEW_MS = 5 * 60_000
const DAY_MS = 86_400_000

/** A new certificate authority with its own key: a root, or an intermediate below `parent`. */
export async function createAuthority(request: AuthorityRequest): Promise<Authority> {
  const nowMs = request.nowMs ?? Date.now()
  const keys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify'])
  const signer = request.parent === undefined ? undefined : await loadAuthority(request.parent)
  const extensions: Extension[] = [
    new BasicConstraintsExtension(true, request.pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
    await AuthorityKeyIdentifierExtension.create(signer?.certificate.publicKey ?? keys.publicKey),
  ]
  if (request.usages !== undefined) extensions.push(usagesExtension(request.usages))
  if (request.nameConstraints !== undefined) extensions.push(nameConstraintsExtension(request.nameConstraints))
  const notAfterMs = nowMs + request.days * DAY_MS
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: commonName(request.commonName),
    issuer: signer?.certificate.subjectName ?? commonName(request.commonName),
    notBefore: new Date(nowMs - CLOCK_SKEW_MS),
    notAfter: new Date(Math.min(notAfterMs, signer?.certificate.notAfter.getTime() ?? notAfterMs)),
    publicKey: keys.publicKey,
    signingKey: signer?.signingKey ?? keys.privateKey,
    signingAlgorithm: ECDSA,
    extensions,
  })
  return { certificatePem: pemOf(certificate.rawData), privateKeyPem: await privateKeyPem(keys.privateKey) }
}

/** A leaf certificate signed by `authority`. Throws `RangeError` for names that could be read two ways. */
export async function issueCertificate(authority: Authority, request: CertificateRequest): Promise<IssuedCertificate> {
  const { certificate: issuer, signingKey } = await loadAuthority(authority)
  // Parsing before signing: a key that Node cannot read would make a certificate that nobody can check.
  const publicKey = new Uint8Array(
    createPublicKey({ key: Buffer.from(request.publicKey), format: 'der', type: 'spki' }).export({
      type: 'spki',
      format: 'der',
    }),
  )
  const names = subjectNames(request)
  const notBefore = new Date((request.notBefore ?? new Date()).getTime() - CLOCK_SKEW_MS)
  const notAfter = new Date(Math.min(request.notAfter.getTime(), issuer.notAfter.getTime()))
  if (notAfter <= notBefore) throw new RangeError('a certificate that ends before it begins')
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    usagesExtension(request.usages),
    await SubjectKeyIdentifierExtension.create(publicKey),
    await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ]
  if (names.length > 0) extensions.push(new SubjectAlternativeNameExtension(names))
  const serial = newSerial()
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial,
    subject: commonName(request.commonName),
    issuer: issuer.subjectName,
    notBefore,
    notAfter,
    publicKey,
    signingKey,
    signingAlgorithm: ECDSA,
    extensions,
  })
  return { certificatePem: pemOf(certificate.rawData), serial, notAfter: certificate.notAfter }
}

type LoadedAuthority = { readonly certificate: X509Certificate; readonly signingKey: webcrypto.CryptoKey }

async function loadAuthority(authority: Authority): Promise<LoadedAuthority> {
  const certificate = new X509Certificate(new Uint8Array(new Parsed(authority.certificatePem).raw))
  const key = createPrivateKey(authority.privateKeyPem)
  if (!new Parsed(authority.certificatePem).checkPrivateKey(key)) {
    throw new RangeError('the private key is not that of the authority certificate')
  }
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  return { certificate, signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, ECDSA, false, ['sign']) }
}

function subjectNames(request: CertificateRequest): JsonGeneralNames {
  const { sanUris = [], sanDns = [], sanIps = [] } = request
  if (request.commonName === '' || request.commonName.length > 64)
    throw new RangeError('a common name has 1 to 64 characters')
  if (sanUris.length + sanDns.length + sanIps.length > caps.certificateNames.default)
    throw new RangeError('too many names')
  // Visible ASCII and nothing that separates: a comma or line break in a name has been read as a second name.
  if (!sanUris.every((uri) => /^[a-z]+:\/\/[\x21\x23-\x2b\x2d-\x7e]+$/.test(uri)))
    throw new RangeError('not a plain URI')
  if (!sanDns.every((name) => name.length <= 253 && dnsName.test(name))) throw new RangeError('not a DNS name')
  if (!sanIps.every((ip) => isIP(ip) !== 0 && !ip.includes('%'))) throw new RangeError('not an IP address')
  return [
    ...sanUris.map((value) => ({ type: 'url' as const, value })),
    ...sanDns.map((value) => ({ type: 'dns' as const, value })),
    ...sanIps.map((value) => ({ type: 'ip' as const, value })),
  ]
}

function commonName(text: string): JsonName {
  // A leading # would be read as encoded DER by the library, and X.520 ends a common name at 64 characters.
  if (!/^[^\p{C}#][^\p{C}]{0,63}$/u.test(text)) throw new RangeError('a common name is 1 to 64 printable characters')
  return [{ CN: [text] }]
}

const dnsName = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

function usagesExtension(usages: readonly CertificateUsage[]): ExtendedKeyUsageExtension {
  if (usages.length === 0) throw new RangeError('a certificate without a use')
  const oids = usages.map((usage) => (usage === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth))
  return new ExtendedKeyUsageExtension(oids)
}

/** 128 bits with the top bit clear (DER integers are signed) and the next set (one length for all). */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

function pemOf(der: ArrayBuffer): string {
  return new Parsed(Buffer.from(der)).toString()
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString()
}
