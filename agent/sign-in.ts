// Signs a person in on this device: OpenID Connect in their browser or by device code, then a certificate for a key made
// here. Must never send the access token anywhere but to the API of the same domain.
import { hostname } from 'node:os'
import { enrolmentRoutes } from '#core/api/enrolment-routes.ts'
import { Fault } from '#core/fault.ts'
import { pause } from '#transport/backoff.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import { caps } from './caps.ts'
import { askJson, dialled, type Site } from './https-json.ts'
import { startLoopbackRedirect } from './loopback-redirect.ts'
import { codeRequest, deviceRequest, deviceToken, discover, type Issuer } from './oidc-client.ts'
import { pinnedAuthority } from './pinned-authority.ts'
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
  readonly show: (step: { readonly url: string; readonly userCode?: string }) => void
  readonly signal?: AbortSignal
}

export async function signIn(config: SignInConfig, deps: SignInDeps): Promise<Profile> {
  const port = config.port ?? 443
  const at = (host: string) => `https://${host}.${config.domain}${port === 443 ? '' : `:${port}`}`
  const site = await siteOf(config, new URL(at('api')))
  const issuer = await discover(`${at('id')}/${config.tenant}`, site)
  const deadline = AbortSignal.timeout(caps.signInMs.default)
  const signal = deps.signal === undefined ? deadline : AbortSignal.any([deadline, deps.signal])
  const accessToken =
    config.flow === 'browser'
      ? await byBrowser(issuer, site, deps, signal)
      : await byDeviceCode(issuer, site, deps, signal)
  // The same key as before, where there is one: it is the same device.
  const before = await loadProfile(config.stateFolder, config.tenant).catch(() => undefined)
  const { privateKeyPem, csrPem } = before?.deviceKey ?? (await createKeyAndCsr({ commonName: 'device' }))
  const name = (config.deviceName ?? hostname()).slice(0, 120) || 'device'
  const { path, reply: schema } = enrolmentRoutes.deviceSignIn
  const value = { accessToken, csrPem, name, os: `${process.platform} ${process.arch}`.slice(0, 64) }
  const { status, body } = await askJson(new URL(path, at('api')), site, { kind: 'json', value })
  if (status !== 201) throw refusalOf(status, body)
  const reply = schema.safeParse(body)
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

async function byBrowser(issuer: Issuer, site: Site, deps: SignInDeps, signal: AbortSignal): Promise<string> {
  let state = ''
  const redirect = await startLoopbackRedirect((answer) => answer.get('state') === state, signal)
  try {
    const request = codeRequest(issuer, site, redirect.redirectUri)
    state = new URL(request.url).searchParams.get('state') ?? ''
    deps.show({ url: request.url })
    return await request.redeem(await redirect.answer)
  } finally {
    redirect.close()
  }
}

async function byDeviceCode(issuer: Issuer, site: Site, deps: SignInDeps, signal: AbortSignal): Promise<string> {
  const request = await deviceRequest(issuer, site, caps.devicePollMs.default)
  deps.show({ url: request.verificationUriComplete ?? request.verificationUri, userCode: request.userCode })
  const until = AbortSignal.any([signal, AbortSignal.timeout(request.expiresInMs)])
  let intervalMs = request.intervalMs
  for (;;) {
    try {
      await pause(intervalMs, until)
    } catch {
      throw new Fault('request-timeout', { hint: 'Nobody signed in with the code in time.' })
    }
    const answer = await deviceToken(issuer, site, request.deviceCode, until)
    if (answer.kind === 'token') return answer.token
    // RFC 8628 section 3.5.
    if (answer.kind === 'slow-down') intervalMs += 5000
  }
}

function refusalOf(status: number, body: Readonly<Record<string, unknown>>): Fault {
  const message = body['message']
  return new Fault(status >= 500 ? 'control-unreachable' : 'not-signed-in', {
    ...(typeof message === 'string' && { hint: message.slice(0, 300) }),
    detail: { status },
  })
}
