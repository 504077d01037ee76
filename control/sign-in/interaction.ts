// The sign-in conversation below /<tenant>/interaction/<uid>: what is shown and what each form does. Must never do
// less work for a name that does not exist, or let a password pass where a second factor is enrolled.
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import type { SignInUser } from '#control/sign-in-seam.ts'
import { caps } from './caps.ts'
import { completeSignIn, finish, interactionOf } from './complete.ts'
import { codePage, connectPage, signInPage } from './interaction-pages.ts'
import { knownBrowserOf } from './known-browser.ts'
import { spendVisit, type SignInParts } from './parts.ts'
import type { Realm } from './realm.ts'
import type { Attempt } from './throttle.ts'
import { readForm, readJson, requireFormToken, sendJson, sendPage, sendRedirect, type Visit } from './visit.ts'

const progressOf = z.object({ userId: z.string(), tries: z.number() })
type Progress = z.infer<typeof progressOf>

/** Serves the path after `/<tenant>/interaction/<uid>`; false when it knows no such page. */
export async function serveInteraction(
  parts: SignInParts,
  realm: Realm,
  visit: Visit,
  uid: string,
  rest: string,
): Promise<boolean> {
  const base = `/${realm.tenant.name}/interaction/${uid}`
  const token = realm.keys.mac('form', `interaction/${uid}`)
  const step = { parts, realm, visit, uid, base, token }
  if (visit.method === 'GET') {
    if (rest !== '') return false
    await showPage(step, undefined)
    return true
  }
  const serve = posts.get(rest)
  if (!serve) return false
  await interactionOf(realm, visit, uid)
  await serve(step)
  return true
}

type Step = {
  readonly parts: SignInParts
  readonly realm: Realm
  readonly visit: Visit
  readonly uid: string
  readonly base: string
  readonly token: string
}

const posts: ReadonlyMap<string, (step: Step) => Promise<void>> = new Map([
  ['/password', checkPassword],
  ['/code', checkCode],
  ['/passkey', checkPasskey],
  ['/passkey-options', givePasskeyOptions],
  ['/connect', connect],
  ['/cancel', cancel],
])

type Message = { readonly text: string; readonly status: number; readonly retryAfterMs?: number }
const wrong: Message = { text: 'The user name or the password is wrong.', status: 403 }

async function showPage(step: Step, message: Message | undefined): Promise<void> {
  const { parts, realm, visit, uid, base, token } = step
  const { tenant } = realm
  const interaction = await interactionOf(realm, visit, uid)
  const answer = {
    heading: tenant.displayName,
    status: message?.status ?? 200,
    ...(message?.retryAfterMs !== undefined && { retryAfterMs: message.retryAfterMs }),
  }
  if (interaction.prompt.name === 'connect') {
    const client = await realm.provider.Client.find(String(interaction.params['client_id']))
    const user = await parts.deps.directory.userById(tenant.id, interaction.session?.accountId ?? '')
    const body = connectPage(base, token, client?.clientName ?? 'A program', user?.name ?? '')
    sendPage(visit, { ...answer, title: 'Connect this computer?', body })
    return
  }
  if (await progress(step)) {
    sendPage(visit, { ...answer, title: 'One more step', body: codePage(base, token, message?.text) })
    return
  }
  const providers = await parts.deps.directory.identityProviders(tenant.id)
  const hint: unknown = interaction.params['login_hint']
  const body = signInPage({
    base,
    token,
    message: message?.text,
    hint: typeof hint === 'string' && /^[a-z0-9._@+-]{1,127}$/.test(hint) ? hint : '',
    providers: providers.map(({ name, displayName }) => ({ name, displayName: displayName ?? name })),
  })
  sendPage(visit, { ...answer, title: 'Sign in', script: true, body })
}

async function checkPassword(step: Step): Promise<void> {
  const { parts, realm, visit, uid, token } = step
  const { accounts, deps, events, passwords, throttle } = parts
  const { id: tenantId } = realm.tenant
  const form = await readForm(visit, ['token', 'user', 'password'])
  requireFormToken(form.token, token)
  if (form.password.length > caps.passwordMaximum.default || form.user.length > 127)
    throw new Fault('request-malformed')
  const name = form.user.trim().toLowerCase()
  const user = await deps.directory.userByName(tenantId, name)
  // The same queries are made for a name that nobody has.
  const account = await accounts.find(tenantId, user?.id ?? 'nobody')
  const isLinked = account !== undefined && user !== undefined && hasIdentity(user, realm.issuer, account.subject)
  const attempt = attemptOf(step, isLinked ? user : undefined, name)
  const waitMs = throttle.take(attempt)
  if (waitMs > 0) {
    await slowDown(step, 'password', isLinked ? user : undefined, waitMs)
    return
  }
  const verdict = await passwords.verify(form.password, isLinked ? account.passwordHash : null)
  if (!verdict.isRight || !isLinked || user.status === 'disabled') {
    const reason = !isLinked ? 'no-such-account' : verdict.isRight ? 'user-disabled' : 'wrong-password'
    await events.refused({ tenantId, ip: visit.ip, method: 'password', reason, ...(isLinked && { user }) })
    await showPage(step, wrong)
    return
  }
  if (verdict.needsRehash) await accounts.setPassword(tenantId, user.id, await passwords.hash(form.password))
  if (account.hasTotp) {
    // The try is given back only when the code is right too, or codes could be guessed at the price of one password.
    const started: Progress = { userId: user.id, tries: 0 }
    await parts.oneTime.put(tenantId, 'progress', uid, started, { lifeMs: caps.challengeLifeMs.default })
    sendRedirect(visit, step.base)
    return
  }
  throttle.forgive(attempt)
  const { issuer } = realm
  await completeSignIn(parts, realm, visit, uid, {
    user,
    method: 'password',
    issuer,
    subject: account.subject,
    factors: ['pwd'],
  })
}

async function checkCode(step: Step): Promise<void> {
  const { parts, realm, visit, uid, token } = step
  const { accounts, deps, events, oneTime, throttle } = parts
  const { id: tenantId } = realm.tenant
  const form = await readForm(visit, ['token', 'code'])
  requireFormToken(form.token, token)
  const state = await progress(step)
  const user = state && (await deps.directory.userById(tenantId, state.userId))
  const account = state && (await accounts.find(tenantId, state.userId))
  if (!state || !user || user.status === 'disabled' || !account)
    throw new Fault('token-invalid', { hint: 'Start again.' })
  const attempt = attemptOf(step, user, user.name)
  const waitMs = throttle.take(attempt)
  if (waitMs > 0) {
    await slowDown(step, 'code', user, waitMs)
    return
  }
  const next: Progress = { ...state, tries: state.tries + 1 }
  if (next.tries >= caps.codeTries.default) await oneTime.take(tenantId, 'progress', uid)
  else await oneTime.put(tenantId, 'progress', uid, next, { lifeMs: caps.challengeLifeMs.default })
  if (!(await accounts.acceptTotp(tenantId, user.id, form.code))) {
    await events.refused({ tenantId, ip: visit.ip, method: 'code', reason: 'wrong-code', user })
    await showPage(step, { text: 'That code is not valid, or was used already. Wait for the next one.', status: 403 })
    return
  }
  await oneTime.take(tenantId, 'progress', uid)
  throttle.forgive(attempt)
  throttle.forgive(attempt)
  await completeSignIn(parts, realm, visit, uid, {
    user,
    method: 'code',
    issuer: realm.issuer,
    subject: account.subject,
    factors: ['pwd', 'otp', 'mfa'],
  })
}

async function givePasskeyOptions(step: Step): Promise<void> {
  const { parts, realm, visit, uid, token } = step
  const body = z.object({ token: z.string() }).safeParse(await readJson(visit))
  requireFormToken(body.success ? body.data.token : '', token)
  spendVisit(parts, visit)
  sendJson(visit, 200, await parts.passkeys.signInOptions(realm.tenant, `interaction/${uid}`))
}

async function checkPasskey(step: Step): Promise<void> {
  const { parts, realm, visit, uid, token } = step
  const { deps, events, passkeys } = parts
  const { id: tenantId } = realm.tenant
  const form = await readForm(visit, ['token', 'passkey'])
  requireFormToken(form.token, token)
  const proven = await passkeys.signIn(realm.tenant, `interaction/${uid}`, form.passkey)
  const user = proven && (await deps.directory.userById(tenantId, proven.account.userId))
  if (!proven || !user || !hasIdentity(user, realm.issuer, proven.account.subject) || user.status === 'disabled') {
    await events.refused({
      tenantId,
      ip: visit.ip,
      method: 'passkey',
      reason: 'passkey-refused',
      ...(user && { user }),
    })
    await showPage(step, { text: 'This passkey was not accepted here.', status: 403 })
    return
  }
  await completeSignIn(parts, realm, visit, uid, {
    user,
    method: 'passkey',
    issuer: realm.issuer,
    subject: proven.account.subject,
    factors: proven.factors,
  })
}

async function connect(step: Step): Promise<void> {
  const { realm, visit, uid, token } = step
  requireFormToken((await readForm(visit, ['token'])).token, token)
  const interaction = await interactionOf(realm, visit, uid)
  if (interaction.prompt.name !== 'connect') throw new Fault('request-malformed')
  await finish(realm, visit, { connect: {} })
}

async function cancel(step: Step): Promise<void> {
  const { realm, visit, token } = step
  requireFormToken((await readForm(visit, ['token'])).token, token)
  await finish(realm, visit, { error: 'access_denied', error_description: 'The person cancelled.' })
}

async function progress({ parts, realm, uid }: Step): Promise<Progress | undefined> {
  const entry = await parts.oneTime.peek(realm.tenant.id, 'progress', uid)
  const parsed = progressOf.safeParse(entry?.value)
  return parsed.success ? parsed.data : undefined
}

/** Whether the built-in account `subject` is this user's. */
export function hasIdentity(user: SignInUser, issuer: string, subject: string): boolean {
  return user.identities.some((identity) => identity.subject === subject && isSameIssuer(identity.issuer, issuer))
}

// Moving to another public port must not lock everybody out; the subject is 256 random bits, so nothing is confused.
function isSameIssuer(one: string, other: string): boolean {
  const [a, b] = [URL.parse(one), URL.parse(other)]
  return a !== null && b !== null && a.protocol === b.protocol && a.hostname === b.hostname && a.pathname === b.pathname
}

function attemptOf({ parts, realm, visit }: Step, user: SignInUser | undefined, name: string): Attempt {
  const { tenant, keys } = realm
  return {
    tenantId: tenant.id,
    account: user?.id ?? name,
    isKnownAccount: user !== undefined,
    ip: visit.ip,
    knownBrowser: user ? knownBrowserOf(visit.request, tenant.name, user.id, keys, parts.deps.nowMs()) : null,
  }
}

async function slowDown(
  step: Step,
  method: 'password' | 'code',
  user: SignInUser | undefined,
  waitMs: number,
): Promise<void> {
  const { events, slowedEvents } = step.parts
  const { id: tenantId } = step.realm.tenant
  const key = `${tenantId}/${user?.id ?? ''}`
  if (slowedEvents.waitMs(key) === 0) {
    slowedEvents.take(key)
    await events.refused({ tenantId, ip: step.visit.ip, method, reason: 'too-many-tries', user })
  }
  await showPage(step, tooMany(waitMs))
}

function tooMany(waitMs: number): Message {
  const minutes = Math.ceil(waitMs / 60_000)
  const wait =
    waitMs < 60_000 ? `${Math.ceil(waitMs / 1000)} seconds` : minutes === 1 ? 'a minute' : `${minutes} minutes`
  const text = `Too many attempts. Wait ${wait}, use a passkey, or use a browser in which you signed in before.`
  return { text, status: 429, retryAfterMs: waitMs }
}
