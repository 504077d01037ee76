// The moment after which a person is signed in: record it, then tell the provider. Must never be reached before the
// proof was verified, nor answer before the event is durable.
import type Provider from 'oidc-provider'
import { Fault } from '#core/fault.ts'
import type { SignInUser } from '#control/sign-in-seam.ts'
import type { SignInMethod } from './events.ts'
import { keepFreshProof } from './fresh-proof.ts'
import { html } from './html.ts'
import { rememberBrowser } from './known-browser.ts'
import type { SignInParts } from './parts.ts'
import type { Realm } from './realm.ts'
import { sendOnward, sendPage, sendRedirect, type Visit } from './visit.ts'

export type Proof = {
  readonly user: SignInUser
  readonly method: SignInMethod
  readonly issuer: string
  readonly subject: string
  readonly factors: readonly string[]
  /** Of an external provider: when it last saw the person; null or absent: nobody knows. */
  readonly authenticatedAtMs?: number | null
  readonly providerId?: string
  readonly providerName?: string
  readonly upstreamSid?: string | null
  readonly upstreamToken?: string | null
}

/** The interaction of this browser and this URL; Fault `token-invalid` when it is another's, finished or expired. */
export async function interactionOf(realm: Realm, visit: Visit, uid: string) {
  const interaction = await realm.provider.interactionDetails(visit.request, visit.response).catch((cause: unknown) => {
    throw new Fault('token-invalid', { hint: 'Go back to where you started and sign in again.', cause })
  })
  // The cookie is the proof of the browser; the URL only says which page. They must agree.
  if (interaction.uid !== uid) throw new Fault('token-invalid')
  return interaction
}

/** Whether this sign-in was begun to prove something anew, so that an earlier one does not do. */
export function asksAgain({ params }: { readonly params: Readonly<Record<string, unknown>> }): boolean {
  const prompt = params['prompt']
  return typeof prompt === 'string' && prompt.split(' ').includes('login')
}

export async function completeSignIn(
  parts: SignInParts,
  realm: Realm,
  visit: Visit,
  uid: string,
  proof: Proof,
): Promise<void> {
  const { deps, events, logins } = parts
  const { tenant, keys } = realm
  const interaction = await interactionOf(realm, visit, uid)
  if (proof.user.status === 'contained') return refuseContained(parts, realm, visit, proof)
  if (proof.user.status !== 'active') throw new Fault('not-permitted')
  const present = interaction.session?.accountId
  if (present !== undefined && present !== proof.user.id) {
    throw new Fault('not-permitted', { hint: 'Someone else is signed in to this browser; sign out first.' })
  }
  const loginId = await logins.add(tenant.id, {
    userId: proof.user.id,
    providerId: proof.providerId ?? null,
    issuer: proof.issuer,
    subject: proof.subject,
    upstreamSid: proof.upstreamSid ?? null,
    upstreamToken: proof.upstreamToken ?? null,
    factors: proof.factors,
    ip: visit.ip,
    lifeMs: tenant.sessionSeconds * 1000,
  })
  const provedAtMs = proof.providerId === undefined ? deps.nowMs() : (proof.authenticatedAtMs ?? null)
  if (asksAgain(interaction) && proof.factors.includes('mfa') && provedAtMs !== null)
    await keepFreshProof(parts, tenant.id, { loginId, userId: proof.user.id, provedAtMs })
  await events.signedIn({
    tenantId: tenant.id,
    ip: visit.ip,
    user: proof.user,
    method: proof.method,
    factors: proof.factors,
    providerName: proof.providerName,
  })
  rememberBrowser(visit.request, visit.response, tenant.name, proof.user.id, keys, deps.nowMs())
  await finish(realm, visit, { login: { accountId: proof.user.id, amr: [...proof.factors], remember: true, loginId } })
}

/** Hands a result to the provider and takes the browser back to it. */
export async function finish(
  realm: Realm,
  visit: Visit,
  result: Parameters<Provider['interactionResult']>[2],
): Promise<void> {
  const { redirectUri, url } = await resultOf(realm, visit, result)
  // No CSP source can name [::1], so a redirect there after a form would be blocked silently.
  if (redirectUri.startsWith('http://[::1]')) sendOnward(visit, url)
  else sendRedirect(visit, url)
}

async function resultOf(realm: Realm, visit: Visit, result: Parameters<Provider['interactionResult']>[2]) {
  const interaction = await realm.provider.interactionDetails(visit.request, visit.response)
  const url = await realm.provider.interactionResult(visit.request, visit.response, result, {
    mergeWithLastSubmission: false,
  })
  const redirectUri: unknown = interaction.params['redirect_uri']
  return { url, redirectUri: typeof redirectUri === 'string' ? redirectUri : '' }
}

/** Only who has proven to be this user is told, and neither by whom nor why: whoever took the account over reads it too. */
async function refuseContained(parts: SignInParts, realm: Realm, visit: Visit, proof: Proof): Promise<void> {
  const { user, method, providerName } = proof
  await parts.events.refused({
    tenantId: realm.tenant.id,
    ip: visit.ip,
    method,
    reason: 'contained',
    user,
    ...(providerName !== undefined && { providerName }),
  })
  sendPage(visit, {
    title: 'Access is stopped',
    heading: realm.tenant.displayName,
    status: 403,
    body: html`<p role="alert">
        Access for ${user.name} is stopped for safety while an incident is looked into. Your sessions have ended, and
        signing in is not possible until this is over.
      </p>
      <p>Ask your security team; they can end it. Nothing that you do here will.</p>
      <p class="quiet">Code: contained</p>`,
  })
}
