// Enrols a part of the service once: makes its key here, proves it to control with a one-time token. Must never send the
// token to a server that does not chain to the authority which the token pins, nor keep anything itself.
import { enrolmentRoutes } from '#core/api/enrolment-routes.ts'
import type { ReplyOf } from '#core/api/route.ts'
import { Fault } from '#core/fault.ts'
import { createKeyAndCsr } from './certificate-request.ts'
import { askJson, refusalIn } from './https-json.ts'
import { pinnedAuthority, pinOf, type ServerAddress } from './pinned-authority.ts'

export type EnrolmentRequest = {
  readonly token: string
  readonly use: 'connector' | 'exchange'
  /** Host name of the API, `api.<domain>`; with the address to dial where it does not resolve. */
  readonly api: ServerAddress
  readonly name?: string | undefined
  readonly software?: string | undefined
  /** PEM to trust instead of the public roots when the token carries no pin. */
  readonly caPem?: string | undefined
}

export type Enrolled = {
  readonly reply: ReplyOf<typeof enrolmentRoutes.enrol>
  readonly privateKeyPem: string
  readonly csrPem: string
}

const ADVICE = 'The token may be used, withdrawn, expired or for another control plane.'

/** Throws Fault `enrolment-refused`, `certificate-refused`, `control-unreachable` or `wire-malformed`. */
export async function enrol(request: EnrolmentRequest): Promise<Enrolled> {
  const { token, use, api, name, software } = request
  const pin = pinOf(token)
  const ca = pin === undefined ? request.caPem : await pinnedAuthority(api, pin)
  const site = { address: { host: api.host, port: api.port }, ...(ca !== undefined && { caPem: [ca] }) }
  const { privateKeyPem, csrPem } = await createKeyAndCsr({ commonName: name ?? use })
  const value = { token, csrPem, ...(name && { name }), ...(software && { software }) }
  const { path, reply: schema, status } = enrolmentRoutes.enrol
  const url = new URL(`https://${api.serverName}${api.port === 443 ? '' : `:${api.port}`}${path}`)
  const answer = await askJson(url, site, { kind: 'json', value })
  if (answer.status !== status) {
    const code = answer.status >= 500 ? 'control-unreachable' : 'enrolment-refused'
    throw new Fault(code, { hint: ADVICE, ...refusalIn(answer) })
  }
  const reply = schema.safeParse(answer.body)
  if (!reply.success) throw new Fault('wire-malformed', { cause: reply.error })
  if (reply.data.use !== use) {
    throw new Fault('enrolment-refused', { hint: `The token is for a part of another kind: ${reply.data.use}.` })
  }
  return { reply: reply.data, privateKeyPem, csrPem }
}
