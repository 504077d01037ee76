// Enrols this exchange once: makes its key, proves it to control with a one-time token, and keeps what control answers.
// Must never send the token to a server whose certificate does not chain to the authority that the token pins.
import { X509Certificate } from 'node:crypto'
import { request as httpsRequest } from 'node:https'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { enrolmentRoutes } from '#core/api/enrolment-routes.ts'
import { Fault } from '#core/fault.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import { keyThumbprint, secretEquals } from '#transport/secret.ts'
import { caps } from '#exchange/caps.ts'
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

const MAX_CHAIN = 8
const MAX_ANSWER_BYTES = 256 * 1024

export async function enrolExchange(request: EnrolRequest): Promise<{ readonly exchangeId: string }> {
  const pin = /~([A-Za-z0-9_-]{43})$/.exec(request.token)?.[1]
  const ca = pin === undefined ? undefined : await pinnedAuthority(request, pin)
  const { privateKeyPem, csrPem } = await createKeyAndCsr({ commonName: request.name ?? 'exchange' })
  const { name, software } = request
  const body = { token: request.token, csrPem, ...(name && { name }), ...(software && { software }) }
  const reply = enrolmentRoutes.enrol.reply.safeParse(await post(request, '/v1/enrol', body, ca))
  if (!reply.success) throw new Fault('wire-malformed', { cause: reply.error })
  if (reply.data.use !== 'exchange') {
    throw new Fault('enrolment-refused', { hint: `The token is for a ${reply.data.use}, not for an exchange.` })
  }
  const { id, domain, doorsCaPem, sliceKeys, statementKeys, feedAddress, certificatePem } = reply.data
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

/** Looks at the server's chain without sending anything, for the authority with the pinned key. */
function pinnedAuthority({ apiHost, address }: EnrolRequest, pin: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  // Nothing is believed here: the certificate found is then the only root of the verified connection below.
  const socket = connect({ ...address, servername: apiHost, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
  const timer = setTimeout(() => socket.destroy(), caps.feedDialMs.default)
  socket.on('close', () => {
    clearTimeout(timer)
    reject(new Fault('control-unreachable'))
  })
  socket.on('error', (cause) => reject(cause instanceof Fault ? cause : new Fault('control-unreachable', { cause })))
  socket.once('secureConnect', () => {
    let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
    for (let depth = 0; depth < MAX_CHAIN && certificate?.raw !== undefined; depth++) {
      const parsed = new X509Certificate(certificate.raw)
      if (parsed.ca && secretEquals(keyThumbprint(parsed), pin)) {
        resolve(parsed.toString())
        return void socket.destroy()
      }
      const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate
      if (issuer === certificate) break
      certificate = issuer
    }
    reject(new Fault('certificate-refused', { hint: 'The server is not the one that issued the token.' }))
    socket.destroy()
  })
  return promise
}

function post(
  { apiHost, address }: EnrolRequest,
  path: string,
  body: object,
  ca: string | undefined,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const text = JSON.stringify(body)
  const request = httpsRequest(
    {
      ...address,
      servername: apiHost,
      path,
      method: 'POST',
      agent: false,
      signal: AbortSignal.timeout(caps.feedRequestMs.default),
      headers: { host: apiHost, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      ...(ca !== undefined && { ca }),
    },
    (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > MAX_ANSWER_BYTES) request.destroy(new Fault('wire-malformed'))
        else chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () => {
        try {
          if (response.statusCode !== 201) throw refusal(response.statusCode ?? 0, Buffer.concat(chunks).toString())
          resolve(JSON.parse(Buffer.concat(chunks).toString()))
        } catch (error) {
          reject(error instanceof Fault ? error : new Fault('wire-malformed', { cause: error }))
        }
      })
    },
  )
  request.on('error', (cause) => reject(cause instanceof Fault ? cause : new Fault('control-unreachable', { cause })))
  request.end(text)
  return promise
}

function refusal(status: number, text: string): Fault {
  return new Fault(status >= 500 ? 'control-unreachable' : 'enrolment-refused', {
    hint: 'The token may be used, withdrawn, expired or for another control plane.',
    detail: { status, text: text.slice(0, 500) },
  })
}
