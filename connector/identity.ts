// Who this connector is: key, certificate and the authorities pinned when it was enrolled. Must never be written
// anywhere but the state folder, nor shown in a log: it holds the private key.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { enrolmentRoutes } from '#core/api/enrolment-routes.ts'
import { Fault } from '#core/fault.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { caps } from './caps.ts'
import { readWhole, writeWhole } from '#transport/state-folder.ts'

const FILE = 'identity.json'

export type Enrolment = {
  readonly connectorId: string
  readonly tenant: string
  readonly tenantId: string
  readonly domain: string
  readonly exchanges: readonly string[]
  readonly doorsCaPem: string
  readonly statementKeys: readonly string[]
  readonly sliceKeys: readonly string[]
  readonly certificatePem: string
  /** Sent again to renew: it proves the same key, so nothing that is bound to the key changes. */
  readonly csrPem: string
}

export class Identity {
  readonly #privateKeyPem: string
  readonly enrolment: Enrolment

  constructor(enrolment: Enrolment, privateKeyPem: string) {
    this.enrolment = enrolment
    this.#privateKeyPem = privateKeyPem
  }

  get uri(): string {
    return identityUri({ owner: this.enrolment.tenantId, role: 'connector', id: this.enrolment.connectorId })
  }

  get privateKey(): KeyObject {
    return createPrivateKey(this.#privateKeyPem)
  }

  get tlsCredentials(): { readonly key: string; readonly cert: string } {
    return { key: this.#privateKeyPem, cert: this.enrolment.certificatePem }
  }

  get notBeforeMs(): number {
    return new X509Certificate(this.enrolment.certificatePem).validFromDate.getTime()
  }

  get notAfterMs(): number {
    return new X509Certificate(this.enrolment.certificatePem).validToDate.getTime()
  }

  /** This identity with a newer certificate; throws `certificate-refused` when it is not for us and our key. */
  withCertificate(certificatePem: string): Identity {
    const renewed = new Identity({ ...this.enrolment, certificatePem }, this.#privateKeyPem)
    renewed.check()
    return renewed
  }

  /** Throws `certificate-refused` unless the certificate carries our key and exactly our name. */
  check(): void {
    const certificate = new X509Certificate(this.enrolment.certificatePem)
    const name = identityOf(readPeer(certificate))
    const { tenantId, connectorId } = this.enrolment
    const isOurs = name?.role === 'connector' && name.owner === tenantId && name.id === connectorId
    if (!isOurs || !certificate.checkPrivateKey(this.privateKey)) throw new Fault('certificate-refused')
  }

  async save(folder: string): Promise<void> {
    await writeWhole(folder, FILE, JSON.stringify({ ...this.enrolment, privateKeyPem: this.#privateKeyPem }))
  }
}

/** The identity kept in the folder, or `undefined` when this connector was not enrolled yet. */
export async function loadIdentity(folder: string): Promise<Identity | undefined> {
  const text = await readWhole(folder, FILE, caps.identityBytes.default)
  if (text === undefined) return undefined
  const refuse = (cause?: unknown) =>
    new Fault('configuration-invalid', { hint: `The identity in ${folder} cannot be read; enrol again.`, cause })
  let kept: Record<string, unknown>
  try {
    kept = JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    throw refuse(error)
  }
  const { privateKeyPem, csrPem, connectorId, ...rest } = kept
  const reply = enrolmentRoutes.enrol.reply.safeParse({ ...rest, id: connectorId, use: 'connector', feedAddress: null })
  if (!reply.success || typeof privateKeyPem !== 'string' || typeof csrPem !== 'string') throw refuse(reply.error)
  const { id, tenant, tenantId, domain, exchanges, doorsCaPem, statementKeys, sliceKeys, certificatePem } = reply.data
  const enrolment = { connectorId: id, tenant, tenantId, domain, exchanges, doorsCaPem, statementKeys, sliceKeys }
  try {
    const identity = new Identity({ ...enrolment, certificatePem, csrPem }, privateKeyPem)
    identity.check()
    return identity
  } catch (error) {
    throw refuse(error)
  }
}
