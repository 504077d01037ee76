// Enrols this exchange once and keeps what control answers. Must never leave a folder that looks enrolled and is not.
import { enrol } from '#transport/enrolment.ts'
import { writeIdentity } from '#exchange/certificates/own-identity.ts'

export type EnrolRequest = {
  /** Name in control's certificate, `api.<domain>`; also the Host header. */
  readonly apiHost: string
  /** Where to dial, when the name does not resolve or leads through an exchange. */
  readonly address: { readonly host: string; readonly port: number }
  readonly token: string
  readonly folder: string
  readonly name?: string
  readonly software?: string
}

export async function enrolExchange(request: EnrolRequest): Promise<{ readonly exchangeId: string }> {
  const { apiHost, address, token, name, software } = request
  const api = { ...address, serverName: apiHost }
  const { reply, privateKeyPem } = await enrol({ token, use: 'exchange', api, name, software })
  const { id, domain, doorsCaPem, sliceKeys, statementKeys, feedAddress, certificatePem } = reply
  await writeIdentity(
    request.folder,
    {
      exchangeId: id,
      domain,
      exchangeCaPem: [doorsCaPem],
      snapshotKeys: sliceKeys,
      statementKeys,
      feedAddress,
    },
    privateKeyPem,
    certificatePem,
  )
  return { exchangeId: id }
}
