// Gets an access token for a person at this machine: in their browser with a loopback redirect, or by a code that is
// typed on another device. Must never hand a token to anyone but the caller, nor wait longer than sign-in may take.
import { Fault } from '#core/fault.ts'
import { pause } from '#transport/backoff.ts'
import { caps } from './caps.ts'
import type { Site } from '#transport/https-json.ts'
import { startLoopbackRedirect } from './loopback-redirect.ts'
import {
  codeRequest,
  deviceRequest,
  deviceToken,
  discover,
  type Client,
  type Issuer,
  type Tokens,
} from './oidc-client.ts'

export type { Client, Tokens } from './oidc-client.ts'

/** This program on a person's device. */
export const agentClient: Client = { id: 'agent', scope: 'openid agent' }
/** The command line of administrators. */
export const commandLineClient: Client = { id: 'cli', scope: 'openid api' }

export type SignInStep = { readonly url: string; readonly userCode?: string }

export type AccessTokenRequest = {
  /** The issuer's URL, exactly as its own description says it. */
  readonly issuer: string
  readonly site: Site
  readonly client: Client
  /** `browser`: authorization code on a loopback port; `device`: a code to type elsewhere. */
  readonly flow: 'browser' | 'device'
  /** Shows the URL to the person, or opens it. */
  readonly show: (step: SignInStep) => void
  readonly signal?: AbortSignal | undefined
}

/** Throws Fault `not-signed-in` (refused), `request-timeout` (nobody did), or what went wrong with the server. */
export async function obtainAccessToken(request: AccessTokenRequest): Promise<Tokens> {
  const deadline = AbortSignal.timeout(caps.signInMs.default)
  const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal])
  const issuer = await discover(request.issuer, request.site)
  return request.flow === 'browser'
    ? await byBrowser(issuer, request, signal)
    : await byDeviceCode(issuer, request, signal)
}

async function byBrowser(issuer: Issuer, request: AccessTokenRequest, signal: AbortSignal): Promise<Tokens> {
  let state = ''
  const redirect = await startLoopbackRedirect((answer) => answer.get('state') === state, signal)
  try {
    const asked = codeRequest(issuer, request.client, request.site, redirect.redirectUri)
    state = new URL(asked.url).searchParams.get('state') ?? ''
    request.show({ url: asked.url })
    return await asked.redeem(await redirect.answer)
  } finally {
    redirect.close()
  }
}

async function byDeviceCode(issuer: Issuer, request: AccessTokenRequest, signal: AbortSignal): Promise<Tokens> {
  const { client, site } = request
  const asked = await deviceRequest(issuer, client, site, caps.devicePollMs.default)
  request.show({ url: asked.verificationUriComplete ?? asked.verificationUri, userCode: asked.userCode })
  const until = AbortSignal.any([signal, AbortSignal.timeout(asked.expiresInMs)])
  let intervalMs = asked.intervalMs
  for (;;) {
    try {
      await pause(intervalMs, until)
    } catch {
      throw new Fault('request-timeout', { hint: 'Nobody signed in with the code in time.' })
    }
    const answer = await deviceToken(issuer, client, site, asked.deviceCode, until)
    if (answer.kind === 'tokens') return answer.tokens
    // RFC 8628 section 3.5.
    if (answer.kind === 'slow-down') intervalMs += 5000
  }
}
