// Enrols this connector once and keeps what control answers. Must never replace an identity that is there, nor keep one
// that is not for this connector's own key.
import { Fault } from '#core/fault.ts'
import { enrol } from '#transport/enrolment.ts'
import type { ServerAddress } from '#transport/pinned-authority.ts'
import { openFolder } from '#transport/state-folder.ts'
import { Identity, loadIdentity } from './identity.ts'

export type EnrolRequest = {
  readonly token: string
  readonly stateFolder: string
  /** Host name of the API, `api.<domain>`; with the address to dial where it does not resolve. */
  readonly api: ServerAddress
  readonly name?: string
  readonly software?: string
  /** PEM to trust instead of the public roots when the token carries no pin. */
  readonly caPem?: string
}

/** Throws `enrolment-refused`, `certificate-refused` or `control-unreachable`; then nothing was kept. */
export async function enrolConnector(request: EnrolRequest): Promise<Identity> {
  const { stateFolder } = request
  await openFolder(stateFolder)
  if ((await loadIdentity(stateFolder)) !== undefined) {
    throw new Fault('enrolment-refused', { hint: `${stateFolder} holds the identity of a connector already.` })
  }
  const { reply, privateKeyPem, csrPem } = await enrol({ ...request, use: 'connector' })
  const { id, tenant, tenantId, domain, exchanges, doorsCaPem, statementKeys, sliceKeys, certificatePem } = reply
  const kept = { connectorId: id, tenant, tenantId, domain, exchanges, doorsCaPem, statementKeys, sliceKeys }
  const identity = new Identity({ ...kept, certificatePem, csrPem }, privateKeyPem)
  identity.check()
  await identity.save(stateFolder)
  return identity
}
