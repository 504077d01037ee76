// Signs a person in on this device: OpenID Connect in their browser or by device code, then a certificate for a key made
// here. Must never send the access token anywhere but to the API of the same domain.
import { hostname } from 'node:os'
import { enrolmentRoutes } from '#core/api/enrolment-routes.ts'
import { Fault } from '#core/fault.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import { agentClient, obtainAccessToken, type SignInStep } from './access-token.ts'
import { askJson, dialled, refusalCode, refusalIn, type Site } from '#transport/https-json.ts'
import { pinnedAuthority } from '#transport/pinned-authority.ts'
import { loadProfile, Profile } from './profile.ts'

export type SignInConfig = {
  readonly stateFolder: string
  readonly tenant: string
  readonly domain: string
  /** Default 443. */
  readonly port?: number
  /** Trust: these PEM certificates, or the authority with this key thumbprint; default the public roots. */
  readonly caPem?: readonly string[]
  readonly pin?: string
  /** Where to dial instead of the names' own addresses. */
  readonly address?: { readonly host: string; readonly port: number }
  /** `browser`: authorization code on a loopback port; `device`: a code to type elsewhere. */
  readonly flow: 'browser' | 'device'
  readonly deviceName?: string
}

export type SignInDeps = {
  /** Shows the URL to the person, or opens it. */
  readonly show: (step: SignInStep) => void
  /** Something that the person should know, though sign-in goes on. */
  readonly notice?: (text: string) => void
  readonly signal?: AbortSignal
}

export async function signIn(config: SignInConfig, deps: SignInDeps): Promise<Profile> {
  const port = config.port ?? 443
  const at = (host: string) => `https://${host}.${config.domain}${port === 443 ? '' : `:${port}`}`
  const site = await siteOf(config, new URL(at('api')))
  const { flow } = config
  const { show, signal } = deps
  const issuer = `${at('id')}/${config.tenant}`
  const { accessToken } = await obtainAccessToken({ issuer, site, client: agentClient, flow, show, signal })
  // The same key as before, where there is one: it is the same device.
  const before = await loadProfile(config.stateFolder, config.tenant).catch(() => undefined)
  const ask = (csrPem: string) => {
    const name = (config.deviceName ?? hostname()).slice(0, 120) || 'device'
    const value = { accessToken, csrPem, name, os: `${process.platform} ${process.arch}`.slice(0, 64) }
    return askJson(new URL(path, at('api')), site, { kind: 'json', value })
  }
  const { path, reply: schema, status } = enrolmentRoutes.deviceSignIn
  let key = before?.deviceKey ?? (await createKeyAndCsr({ commonName: 'device' }))
  let answer = await ask(key.csrPem)
  if (before !== undefined && refusalCode(answer) === 'enrolment-refused') {
    // The key is that of a revoked device, or of another person's: this is another device from now on. The person has
    // signed in just now, and administrators see a new device beside the old one.
    deps.notice?.(
      `The key of this device is not accepted any more (${refusalIn(answer).hint ?? ''}); a new one was made.`,
    )
    key = await createKeyAndCsr({ commonName: 'device' })
    answer = await ask(key.csrPem)
  }
  const { privateKeyPem, csrPem } = key
  if (answer.status !== status) {
    throw new Fault(answer.status >= 500 ? 'control-unreachable' : 'not-signed-in', refusalIn(answer))
  }
  const reply = schema.safeParse(answer.body)
  if (!reply.success) throw new Fault('wire-malformed', { cause: reply.error })
  if (reply.data.tenant !== config.tenant) throw new Fault('certificate-refused', { hint: 'Another tenant answered.' })
  const profile = new Profile({ ...reply.data, csrPem }, privateKeyPem)
  profile.check()
  await profile.save(config.stateFolder)
  return profile
}

async function siteOf(config: SignInConfig, api: URL): Promise<Site> {
  const address = config.address === undefined ? {} : { address: config.address }
  if (config.caPem !== undefined) return { ...address, caPem: config.caPem }
  if (config.pin === undefined) return address
  const server = { ...dialled(api, address), serverName: api.hostname }
  return { ...address, caPem: [await pinnedAuthority(server, config.pin)] }
}
