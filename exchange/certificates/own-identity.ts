// Who this exchange is: the folder that enrolment wrote. The private key must never leave the folder or reach a log.
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { isId, type ExchangeId } from '#core/ids.ts'
import { Fault } from '#core/fault.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { keyThumbprint } from '#transport/secret.ts'

/** What enrolment learnt and every start needs. */
export type EnrolmentFacts = {
  readonly exchangeId: string
  readonly domain: string
  /** Authorities of exchanges, doors and control's feed. */
  readonly exchangeCaPem: readonly string[]
  readonly snapshotKeys: readonly string[]
  readonly statementKeys: readonly string[]
  readonly feedAddress: string | null
}

export type OwnIdentity = {
  readonly exchangeId: ExchangeId
  readonly domain: string
  readonly exchangeCaPem: readonly string[]
  readonly snapshotKeys: readonly string[]
  readonly statementKeys: readonly string[]
  readonly feedAddress: string | null
  readonly key: KeyObject
  readonly keyPem: string
  readonly certificatePem: string
  readonly thumbprint: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

const FACTS = 'identity.json'
const KEY = 'key.pem'
const CERTIFICATE = 'certificate.pem'

export async function writeIdentity(
  folder: string,
  facts: EnrolmentFacts,
  keyPem: string,
  certificatePem: string,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await replaceFile(join(folder, KEY), keyPem)
  await replaceFile(join(folder, CERTIFICATE), certificatePem)
  // Last: a folder with facts is a whole one.
  await replaceFile(join(folder, FACTS), `${JSON.stringify(facts, null, 2)}\n`)
}

/** Keeps the certificate that a renewal brought; key and facts stay. */
export function writeCertificate(folder: string, certificatePem: string): Promise<void> {
  return replaceFile(join(folder, CERTIFICATE), certificatePem)
}

/** Throws Fault `configuration-invalid` when the folder is not that of an enrolled exchange. */
export async function readIdentity(folder: string): Promise<OwnIdentity> {
  try {
    const facts = parseFacts(JSON.parse(await readFile(join(folder, FACTS), 'utf8')))
    const keyPem = await readFile(join(folder, KEY), 'utf8')
    const certificatePem = await readFile(join(folder, CERTIFICATE), 'utf8')
    return identityFrom(facts, keyPem, certificatePem)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('configuration-invalid', { hint: `Enrol first: ${folder} is not an identity folder.`, cause })
  }
}

export function identityFrom(facts: EnrolmentFacts, keyPem: string, certificatePem: string): OwnIdentity {
  const certificate = new X509Certificate(certificatePem)
  const peer = readPeer(certificate)
  const identity = identityOf(peer)
  const key = createPrivateKey(keyPem)
  if (identity?.role !== 'exchange' || identity.id !== facts.exchangeId || !isId('exchange', identity.id)) {
    throw new Fault('configuration-invalid', { hint: 'The certificate is not that of this exchange.' })
  }
  if (keyThumbprint(createPublicKey(keyPem)) !== peer.thumbprint) {
    throw new Fault('configuration-invalid', { hint: 'The key does not belong to the certificate.' })
  }
  return {
    ...facts,
    exchangeId: identity.id,
    key,
    keyPem,
    certificatePem,
    thumbprint: peer.thumbprint,
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: peer.notAfter.getTime(),
  }
}

function parseFacts(value: unknown): EnrolmentFacts {
  const facts = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<string, unknown>>
  const { exchangeId, domain, feedAddress } = facts
  if (typeof exchangeId !== 'string' || typeof domain !== 'string') throw new TypeError('identity facts')
  if (feedAddress !== null && typeof feedAddress !== 'string') throw new TypeError('feed address')
  return {
    exchangeId,
    domain,
    feedAddress,
    exchangeCaPem: texts(facts['exchangeCaPem']),
    snapshotKeys: texts(facts['snapshotKeys']),
    statementKeys: texts(facts['statementKeys']),
  }
}

function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((each) => typeof each === 'string')) {
    throw new TypeError('a list of texts')
  }
  return value
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  {
    await using handle = await open(temporary, 'w', 0o600)
    await handle.writeFile(text)
    await handle.sync()
  }
  await rename(temporary, path)
}
