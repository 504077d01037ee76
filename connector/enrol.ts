// Enrols this connector once: makes its key here, proves it to control with a one-time token, keeps what control
// answers. Must never send the token to a server that does not chain to the authority which the token pins.
import { request as httpsRequest } from 'node:https'
import { enrolmentRoutes } from '#core/api/enrolment-routes.ts'
import { Fault } from '#core/fault.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import { caps } from './caps.ts'
import { Identity, loadIdentity } from './identity.ts'
import { pinnedAuthority, pinOf, type ServerAddress } from './pinned-authority.ts'
import { openFolder } from './state-folder.ts'

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
  const { token, stateFolder, api, name, software } = request
  await openFolder(stateFolder)
  if ((await loadIdentity(stateFolder)) !== undefined) {
    throw new Fault('enrolment-refused', { hint: `${stateFolder} holds the identity of a connector already.` })
  }
  const pin = pinOf(token)
  const ca = pin === undefined ? request.caPem : await pinnedAuthority(api, pin)
  const { privateKeyPem, csrPem } = await createKeyAndCsr({ commonName: name ?? 'connector' })
  const body = { token, csrPem, ...(name && { name }), ...(software && { software }) }
  const reply = enrolmentRoutes.enrol.reply.safeParse(await post(api, enrolmentRoutes.enrol.path, body, ca))
  if (!reply.success) throw new Fault('wire-malformed', { cause: reply.error })
  const { use, id, tenant, tenantId, domain, exchanges, doorsCaPem, statementKeys, sliceKeys, certificatePem } =
    reply.data
  if (use !== 'connector') {
    throw new Fault('enrolment-refused', { hint: `The token is for an ${use}, not for a connector.` })
  }
  const kept = { connectorId: id, tenant, tenantId, domain, exchanges, doorsCaPem, statementKeys, sliceKeys }
  const identity = new Identity({ ...kept, certificatePem, csrPem }, privateKeyPem)
  identity.check()
  await identity.save(stateFolder)
  return identity
}

function post(api: ServerAddress, path: string, body: object, ca: string | undefined): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const text = JSON.stringify(body)
  const unreachable = (cause: unknown) =>
    cause instanceof Fault ? cause : new Fault('control-unreachable', { hint: reasonOf(cause), cause })
  const request = httpsRequest({
    host: api.host,
    port: api.port,
    servername: api.serverName,
    path,
    method: 'POST',
    agent: false,
    signal: AbortSignal.timeout(caps.requestMs.default),
    headers: {
      host: api.port === 443 ? api.serverName : `${api.serverName}:${api.port}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    },
    ...(ca !== undefined && { ca }),
  })
  request.on('error', (error) => reject(unreachable(error)))
  request.on('response', (response) => {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > caps.answerBytes.default) request.destroy(new Fault('wire-malformed'))
      else chunks.push(chunk)
    })
    response.on('error', (error) => reject(unreachable(error)))
    response.on('end', () => {
      try {
        const answer: unknown = JSON.parse(Buffer.concat(chunks).toString())
        if (response.statusCode === 201) resolve(answer)
        else reject(refusalOf(response.statusCode ?? 0, answer))
      } catch (cause) {
        reject(new Fault('wire-malformed', { detail: { status: response.statusCode }, cause }))
      }
    })
  })
  request.end(text)
  return promise
}

function refusalOf(status: number, answer: unknown): Fault {
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined
  return new Fault(status >= 500 ? 'control-unreachable' : 'enrolment-refused', {
    ...(typeof message === 'string' && { hint: message.slice(0, 300) }),
    detail: { status },
  })
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? `${cause.message.slice(0, 200)}.` : ''
}
