// Signing in at an external provider: out, back, and who that is here. Must never accept an answer that another
// browser, another interaction or another provider started, nor find the person by anything but (issuer, subject).
import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { Fault, isFault } from '#core/fault.ts'
import type { SignInProvider, SignInUser } from '#control/sign-in-seam.ts'
import { caps } from './caps.ts'
import { asksAgain, completeSignIn, interactionOf } from './complete.ts'
import type { SignInParts } from './parts.ts'
import type { Realm } from './realm.ts'
import type { UpstreamIdentity } from './upstream.ts'
import { sendOnward, sendRedirect, type Visit } from './visit.ts'

const startedState = z.object({ uid: z.string(), providerId: z.string(), nonce: z.string(), verifier: z.string() })
const statePattern = /^([A-Za-z0-9_-]{10,64})\.[A-Za-z0-9_-]{22}$/

// One address per provider: an answer that arrives at another's address is not for the request that was made.
const callbackOf = (realm: Realm, name: string) => `${realm.issuer}/external/${name}/callback`

export async function startExternal(
  parts: SignInParts,
  realm: Realm,
  visit: Visit,
  uid: string,
  providerName: string,
): Promise<void> {
  const interaction = await interactionOf(realm, visit, uid)
  const provider = await providerNamed(parts, realm, providerName)
  const state = `${uid}.${randomBytes(16).toString('base64url')}`
  const { url, nonce, verifier } = await parts.upstreams.start(
    provider,
    callbackOf(realm, provider.name),
    state,
    asksAgain(interaction),
  )
  const started: z.infer<typeof startedState> = { uid, providerId: provider.id, nonce, verifier }
  await parts.oneTime.put(realm.tenant.id, 'upstream-state', state, started, {
    lifeMs: caps.interactionLifeMs.default,
  })
  // Not a redirect: a chain that began with a form may not lead to hosts that our policy cannot list.
  sendOnward(visit, url)
}

/** The registered redirect address. Only sends on below the interaction, where the cookie of this browser is sent. */
export function returnExternal(realm: Realm, visit: Visit, providerName: string): void {
  const [, uid] = statePattern.exec(visit.query.get('state') ?? '') ?? []
  if (uid === undefined) throw new Fault('token-invalid', { hint: 'Start the sign-in again.' })
  sendRedirect(visit, `/${realm.tenant.name}/interaction/${uid}/from/${providerName}?${visit.query.toString()}`)
}

export async function finishExternal(
  parts: SignInParts,
  realm: Realm,
  visit: Visit,
  uid: string,
  providerName: string,
): Promise<void> {
  const { id: tenantId } = realm.tenant
  await interactionOf(realm, visit, uid)
  const states = visit.query.getAll('state')
  const state = states[0] ?? ''
  const parsed = startedState.safeParse(await parts.oneTime.take(tenantId, 'upstream-state', state))
  const provider = await providerNamed(parts, realm, providerName)
  if (states.length !== 1 || !parsed.success || parsed.data.uid !== uid || parsed.data.providerId !== provider.id) {
    throw new Fault('token-invalid', { hint: 'Start the sign-in again.' })
  }
  const refused = (reason: string) =>
    parts.events.refused({ tenantId, ip: visit.ip, method: 'provider', reason, providerName: provider.name })
  const answer = new URL(`${callbackOf(realm, provider.name)}?${visit.query.toString()}`)
  const identity = await parts.upstreams.finish(provider, answer, { ...parsed.data, state }).catch(async (error) => {
    parts.deps.log('external sign-in failed', { tenantId, ...(isFault(error) ? error.detail : {}) })
    await refused('provider-answer-refused')
    throw error
  })
  const user = await userOf(parts, realm, provider, identity, refused)
  if (user.status === 'disabled') {
    await refused('user-disabled')
    throw new Fault('not-permitted', { hint: 'Your account is disabled.' })
  }
  if (user.status === 'active') await applyGroups(parts, tenantId, user.id, provider, identity.groups)
  await completeSignIn(parts, realm, visit, uid, {
    user,
    method: 'provider',
    issuer: identity.issuer,
    subject: identity.subject,
    factors: identity.factors,
    authenticatedAtMs: identity.authenticatedAtMs,
    providerId: provider.id,
    providerName: provider.name,
    upstreamSid: identity.sid,
    upstreamToken: identity.token,
  })
}

/** Sets the groups that the mapping speaks about; leaves all others, and everything when the claim is absent. */
export async function applyGroups(
  parts: Pick<SignInParts, 'deps'>,
  tenantId: string,
  userId: string,
  provider: SignInProvider,
  groups: readonly string[] | undefined,
): Promise<void> {
  const mapped = [...new Set(Object.values(provider.groups ?? {}))]
  if (groups === undefined || mapped.length === 0) return
  await parts.deps.directory.setMappedGroups(tenantId, userId, mapped, groups)
}

async function userOf(
  { deps }: SignInParts,
  realm: Realm,
  provider: SignInProvider,
  identity: UpstreamIdentity,
  refused: (reason: string) => Promise<void>,
): Promise<SignInUser> {
  const { directory } = deps
  const { id: tenantId } = realm.tenant
  const known = await directory.userByIdentity(tenantId, identity.issuer, identity.subject)
  if (known) return known
  if (provider.createUsers !== true) {
    await refused('unknown-identity')
    throw new Fault('not-permitted', {
      hint: `Your account at ${provider.displayName ?? provider.name} is not linked to a user here. Ask an administrator to link it.`,
    })
  }
  if (identity.name === undefined) {
    await refused('no-usable-name')
    throw new Fault('not-permitted', { hint: 'The provider gave no name that can be used here.' })
  }
  try {
    return await directory.createUser(tenantId, {
      name: identity.name,
      issuer: identity.issuer,
      subject: identity.subject,
      ...(identity.displayName !== undefined && { displayName: identity.displayName }),
      ...(identity.email !== undefined && { email: identity.email }),
    })
  } catch (error) {
    if (!isFault(error, 'name-taken')) throw error
    // Never "the same name, so the same person": linking is an administrator's act.
    await refused('name-taken')
    throw new Fault('not-permitted', {
      hint: 'There is a user of that name already. Ask an administrator to link your account.',
    })
  }
}

async function providerNamed(parts: SignInParts, realm: Realm, name: string): Promise<SignInProvider> {
  const providers = await parts.deps.directory.identityProviders(realm.tenant.id)
  const provider = providers.find((candidate) => candidate.name === name)
  if (!provider) throw new Fault('not-found')
  return provider
}
