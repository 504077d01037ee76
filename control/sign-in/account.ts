// The account page at the sign-in host: passkeys, one-time codes, password. It is here and not on the portal, because
// passkeys belong to this host. Must never change a credential unless the person signed in a short while ago.
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import type { SignInUser } from '#control/sign-in-seam.ts'
import type { Account } from './accounts.ts'
import { caps } from './caps.ts'
import { accountPage } from './credential-pages.ts'
import { hasIdentity } from './interaction.ts'
import type { Login } from './logins.ts'
import type { SignInParts } from './parts.ts'
import { passwordObjection } from './password.ts'
import type { Realm } from './realm.ts'
import { newTotpSecret, totpStep } from './totp.ts'
import { readForm, readJson, requireFormToken, sendJson, sendPage, sendRedirect, type Visit } from './visit.ts'

const drafted = z.object({ secret: z.string() })

type Mine = {
  readonly parts: SignInParts
  readonly realm: Realm
  readonly visit: Visit
  readonly user: SignInUser
  readonly account: Account
  readonly login: Login
  readonly token: string
  readonly scope: string
}

/** Serves `/<tenant>/account` and below; false when it knows no such page. */
export async function serveAccount(parts: SignInParts, realm: Realm, visit: Visit, rest: string): Promise<boolean> {
  const serve = visit.method === 'GET' ? (rest === '' ? show : undefined) : posts.get(rest)
  if (!serve) return false
  const mine = await whoseAccount(parts, realm, visit)
  if (!mine) {
    if (visit.method === 'POST') throw new Fault('not-signed-in', { hint: 'Your last sign-in was too long ago.' })
    sendRedirect(visit, `${parts.addresses.portal(realm.tenant.name)}/account/credentials`)
    return true
  }
  await serve(mine)
  return true
}

const posts: ReadonlyMap<string, (mine: Mine) => Promise<void>> = new Map([
  ['/password', changePassword],
  ['/totp', turnOnTotp],
  ['/totp/remove', turnOffTotp],
  ['/passkeys', addPasskey],
  ['/passkeys/remove', removePasskey],
  ['/passkey-options', givePasskeyOptions],
])

/** The provider session of this browser, if its login is live and young enough. */
export async function hubSession(parts: SignInParts, realm: Realm, visit: Pick<Visit, 'request' | 'response'>) {
  const { provider, tenant } = realm
  const context = provider.createContext(visit.request, visit.response)
  const session = await provider.Session.get(context as Parameters<typeof provider.Session.get>[0])
  if (session.accountId === undefined) return undefined
  const login = await parts.logins.liveOfHubSession(tenant.id, session.uid)
  const user = login && (await parts.deps.directory.userById(tenant.id, login.userId))
  if (login?.userId !== session.accountId || user?.status !== 'active') {
    await realm.models.removeSession(session.uid)
    return undefined
  }
  return { login, uid: session.uid }
}

async function whoseAccount(parts: SignInParts, realm: Realm, visit: Visit): Promise<Mine | undefined> {
  const session = await hubSession(parts, realm, visit)
  if (!session || session.login.createdAtMs < parts.deps.nowMs() - caps.freshSignInMs.default) return undefined
  const { login, uid } = session
  const user = await parts.deps.directory.userById(realm.tenant.id, login.userId)
  const account = await parts.accounts.find(realm.tenant.id, login.userId)
  if (user?.status !== 'active') return undefined
  // Whoever signs in elsewhere keeps credentials there; a password here would be a way around that provider.
  if (!account || !hasIdentity(user, realm.issuer, account.subject)) {
    throw new Fault('not-found', { hint: 'Your credentials are kept by your identity provider.' })
  }
  const scope = `account/${uid}`
  return { parts, realm, visit, user, account, login, scope, token: realm.keys.mac('form', scope) }
}

const doneTexts: Readonly<Record<string, string>> = {
  password: 'The password is changed. Your other sessions have ended.',
  'totp-on': 'Codes are on.',
  'totp-off': 'Codes are off.',
  'passkey-added': 'The passkey is added.',
  'passkey-removed': 'The passkey is removed.',
}

async function show(mine: Mine, message?: string): Promise<void> {
  const { parts, realm, visit, user, account, token } = mine
  const wantsTotp = visit.query.get('set-up') === 'totp' || visit.path.endsWith('/totp')
  const draft = wantsTotp && !account.hasTotp ? await draftSecret(mine) : undefined
  sendPage(visit, {
    title: 'Your sign-in',
    heading: realm.tenant.displayName,
    script: true,
    status: message === undefined ? 200 : 422,
    body: accountPage({
      base: baseOf(mine),
      portal: parts.addresses.portal(realm.tenant.name),
      token,
      userName: user.name,
      hasPassword: account.passwordHash !== null,
      hasTotp: account.hasTotp,
      draft: draft && { secret: draft, tenantName: realm.tenant.name, userName: user.name },
      passkeys: await parts.accounts.passkeys(realm.tenant.id, user.id),
      message,
      done: doneTexts[visit.query.get('done') ?? ''],
    }),
  })
}

async function changePassword(mine: Mine): Promise<void> {
  const { parts, realm, visit, user, token } = mine
  const form = await readForm(visit, ['token', 'username', 'password', 'repeat'])
  requireFormToken(form.token, token)
  const objection = form.password === form.repeat ? passwordObjection(form.password, user.name) : 'The two differ.'
  if (objection !== undefined) {
    await show(mine, objection)
    return
  }
  await parts.accounts.setPassword(realm.tenant.id, user.id, await parts.passwords.hash(form.password))
  await endOtherSessions(mine)
  await changed(mine, 'password', 'password-changed')
}

async function turnOnTotp(mine: Mine): Promise<void> {
  const { parts, realm, visit, user, account, token, scope } = mine
  const form = await readForm(visit, ['token', 'code'])
  requireFormToken(form.token, token)
  if (account.hasTotp) throw new Fault('not-permitted')
  const secret = await draftSecret(mine)
  if (totpStep(secret, form.code, parts.deps.nowMs(), 0) === undefined) {
    await show(mine, 'The code does not fit. Check the clock of your device and try the next code.')
    return
  }
  await parts.accounts.setTotp(realm.tenant.id, user.id, secret)
  await parts.accounts.acceptTotp(realm.tenant.id, user.id, form.code)
  await parts.oneTime.take(realm.tenant.id, 'totp-draft', scope)
  await endOtherSessions(mine)
  await changed(mine, 'totp-on', 'totp-enrolled')
}

async function turnOffTotp(mine: Mine): Promise<void> {
  const { parts, realm, visit, user, login, token } = mine
  requireFormToken((await readForm(visit, ['token'])).token, token)
  // Otherwise a stolen password and an open browser would be enough to take the second factor away.
  if (!login.factors.includes('mfa')) throw new Fault('not-permitted', { hint: 'Sign in with the code or a passkey.' })
  await parts.accounts.setTotp(realm.tenant.id, user.id, null)
  await endOtherSessions(mine)
  await changed(mine, 'totp-off', 'totp-removed')
}

async function givePasskeyOptions(mine: Mine): Promise<void> {
  const { parts, realm, visit, user, account, token, scope } = mine
  const body = z.object({ token: z.string() }).safeParse(await readJson(visit))
  requireFormToken(body.success ? body.data.token : '', token)
  sendJson(visit, 200, await parts.passkeys.enrolOptions(realm.tenant, scope, user, account))
}

async function addPasskey(mine: Mine): Promise<void> {
  const { parts, realm, visit, user, token, scope } = mine
  const form = await readForm(visit, ['token', 'passkey', 'name'])
  requireFormToken(form.token, token)
  const passkey = await parts.passkeys.enrol(realm.tenant, scope, form.passkey)
  if (!passkey) {
    await show(mine, 'The passkey was not accepted. Try again.')
    return
  }
  const name = form.name.trim().slice(0, 60)
  await parts.accounts.addPasskey(realm.tenant.id, user.id, { ...passkey, name: name === '' ? 'Passkey' : name })
  await changed(mine, 'passkey-added', 'passkey-added')
}

async function removePasskey(mine: Mine): Promise<void> {
  const { parts, realm, visit, user, account, token } = mine
  const form = await readForm(visit, ['token', 'credential'])
  requireFormToken(form.token, token)
  const passkeys = await parts.accounts.passkeys(realm.tenant.id, user.id)
  if (account.passwordHash === null && passkeys.length <= 1) {
    await show(mine, 'This is your only way to sign in. Add another passkey or set a password first.')
    return
  }
  if (!(await parts.accounts.removePasskey(realm.tenant.id, user.id, form.credential))) throw new Fault('not-found')
  await endOtherSessions(mine)
  await changed(mine, 'passkey-removed', 'passkey-removed')
}

/** Whoever got in with the old credential goes; this browser stays. */
async function endOtherSessions({ parts, realm, user, login }: Mine): Promise<void> {
  const { deps, logins } = parts
  const { id: tenantId } = realm.tenant
  for (const session of await deps.sessions.list(tenantId, user.id)) {
    const behind = await logins.loginOfSession(tenantId, session.id)
    if (behind !== undefined && behind.hubSessionUid === login.hubSessionUid && session.door === 'browser') continue
    await logins.endSession(tenantId, session.id, 'credential-changed')
  }
  await logins.endOthersOfUser(tenantId, user.id, login)
}

async function changed(mine: Mine, done: string, change: string): Promise<void> {
  const { parts, realm, visit, user } = mine
  await parts.events.credentialChanged({ tenantId: realm.tenant.id, ip: visit.ip, user, change })
  sendRedirect(visit, `${baseOf(mine)}?done=${done}`)
}

async function draftSecret({ parts, realm, scope }: Mine): Promise<Uint8Array> {
  const { id: tenantId } = realm.tenant
  const known = drafted.safeParse((await parts.oneTime.peek(tenantId, 'totp-draft', scope))?.value)
  if (known.success) return Buffer.from(known.data.secret, 'base64url')
  const secret = newTotpSecret()
  const draft = { secret: Buffer.from(secret).toString('base64url') }
  await parts.oneTime.put(tenantId, 'totp-draft', scope, draft, { lifeMs: caps.freshSignInMs.default })
  return secret
}

function baseOf({ realm }: Mine): string {
  return `/${realm.tenant.name}/account`
}
