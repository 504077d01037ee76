// Invitations: a one-time link with which a person sets up the built-in sign-in. Must never be used twice, or for
// another user or tenant; it starts afresh, so old credentials and sessions end.
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import { newSecret } from '#transport/secret.ts'
import type { SignInUser } from '#control/sign-in-seam.ts'
import type { NewPasskey } from './accounts.ts'
import { caps } from './caps.ts'
import { invitationPage } from './credential-pages.ts'
import type { SignInParts } from './parts.ts'
import { passwordObjection } from './password.ts'
import type { Realm } from './realm.ts'
import { newTotpSecret, totpStep } from './totp.ts'
import { readForm, readJson, requireFormToken, sendJson, sendPage, sendRedirect, type Visit } from './visit.ts'

const invited = z.object({ userId: z.string() })
const drafted = z.object({ secret: z.string() })
const invitationPattern = /^inv_[A-Za-z0-9_-]{43}$/

export async function makeInvitation(
  parts: SignInParts,
  tenantId: string,
  userId: string,
  expiresInSeconds: number,
): Promise<{ readonly url: string; readonly expiresAtMs: number }> {
  const realm = await parts.realms.byId(tenantId)
  const user = await parts.deps.directory.userById(tenantId, userId)
  if (!user) throw new Fault('not-found')
  const secret = newSecret('inv')
  const lifeMs = Math.max(1, expiresInSeconds) * 1000
  // A newer invitation takes the place of those that were not used.
  await parts.oneTime.removeOfUser(tenantId, userId, 'invitation')
  await parts.oneTime.put(tenantId, 'invitation', secret, { userId }, { lifeMs, userId })
  return {
    url: `${realm.issuer}/invitation?invitation=${secret}`,
    expiresAtMs: parts.deps.nowMs() + lifeMs,
  }
}

type Opened = {
  readonly parts: SignInParts
  readonly realm: Realm
  readonly visit: Visit
  readonly invitation: string
  readonly user: SignInUser
  readonly token: string
}

/** Serves `/<tenant>/invitation` and below; false when it knows no such page. */
export async function serveInvitation(parts: SignInParts, realm: Realm, visit: Visit, rest: string): Promise<boolean> {
  if (visit.method === 'GET' && rest === '') {
    const opened = await open(parts, realm, visit, visit.query.get('invitation'))
    await show(opened, undefined)
    return true
  }
  if (visit.method === 'POST' && rest === '/passkey-options') {
    const opened = await open(parts, realm, visit, visit.query.get('invitation'))
    const body = z.object({ token: z.string() }).safeParse(await readJson(visit))
    requireFormToken(body.success ? body.data.token : '', opened.token)
    const account = await parts.accounts.ensure(realm.tenant.id, opened.user.id)
    sendJson(visit, 200, await parts.passkeys.enrolOptions(realm.tenant, scopeOf(opened), opened.user, account))
    return true
  }
  if (visit.method === 'POST' && rest === '') {
    const form = await readForm(visit, ['token', 'invitation', 'passkey', 'username', 'password', 'repeat', 'code'])
    const opened = await open(parts, realm, visit, form.invitation)
    requireFormToken(form.token, opened.token)
    await accept(opened, form)
    return true
  }
  return false
}

async function open(parts: SignInParts, realm: Realm, visit: Visit, invitation: string | null): Promise<Opened> {
  const refused = new Fault('token-invalid', { hint: 'Ask an administrator for a new invitation.' })
  if (invitation === null || !invitationPattern.test(invitation)) throw refused
  const entry = invited.safeParse((await parts.oneTime.peek(realm.tenant.id, 'invitation', invitation))?.value)
  const user = entry.success ? await parts.deps.directory.userById(realm.tenant.id, entry.data.userId) : undefined
  if (user?.status !== 'active') throw refused
  return { parts, realm, visit, invitation, user, token: realm.keys.mac('form', `invitation/${invitation}`) }
}

async function show(opened: Opened, message: string | undefined): Promise<void> {
  const { realm, visit, invitation, user, token } = opened
  sendPage(visit, {
    title: `Welcome, ${user.displayName || user.name}`,
    heading: realm.tenant.displayName,
    script: true,
    status: message === undefined ? 200 : 422,
    body: invitationPage({
      action: `/${realm.tenant.name}/invitation`,
      invitation,
      token,
      userName: user.name,
      draft: { secret: await draftSecret(opened), tenantName: realm.tenant.name, userName: user.name },
      message,
    }),
  })
}

type Form = { readonly passkey: string; readonly password: string; readonly repeat: string; readonly code: string }

async function accept(opened: Opened, form: Form): Promise<void> {
  const { parts, realm, visit, invitation, user } = opened
  const { accounts, deps, events, oneTime, passwords } = parts
  const { id: tenantId } = realm.tenant
  const secret = await draftSecret(opened)
  const objection = objectionTo(form, user, secret, deps.nowMs())
  if (objection !== undefined) {
    await show(opened, objection)
    return
  }
  const passkey =
    form.passkey === '' ? undefined : await parts.passkeys.enrol(realm.tenant, scopeOf(opened), form.passkey)
  if (form.passkey !== '' && !passkey) {
    await show(opened, 'The passkey was not accepted. Try again.')
    return
  }
  const hash = form.password === '' ? null : await passwords.hash(form.password)
  // Taken only now, and by one of any number that try: from here on the link is used up.
  if ((await oneTime.take(tenantId, 'invitation', invitation)) === undefined) throw new Fault('token-invalid')
  await replaceCredentials(opened, { hash, passkey, secret: form.code === '' ? null : secret })
  if (form.code !== '') await accounts.acceptTotp(tenantId, user.id, form.code)
  await oneTime.take(tenantId, 'invitation-draft', invitation)
  await events.credentialChanged({ tenantId, ip: visit.ip, user, change: 'invitation-accepted' })
  sendRedirect(visit, `${parts.addresses.portal(realm.tenant.name)}/`)
}

async function replaceCredentials(
  { parts, realm, user }: Opened,
  made: { readonly hash: string | null; readonly passkey: NewPasskey | undefined; readonly secret: Uint8Array | null },
): Promise<void> {
  const { accounts, deps, logins } = parts
  const { id: tenantId } = realm.tenant
  const account = await accounts.ensure(tenantId, user.id)
  for (const { credentialId } of await accounts.passkeys(tenantId, user.id)) {
    await accounts.removePasskey(tenantId, user.id, credentialId)
  }
  await accounts.setPassword(tenantId, user.id, made.hash)
  await accounts.setTotp(tenantId, user.id, made.secret)
  if (made.passkey) await accounts.addPasskey(tenantId, user.id, made.passkey)
  await deps.directory.linkIdentity(tenantId, user.id, realm.issuer, account.subject)
  await logins.endOfUser(tenantId, user.id)
  await deps.sessions.endOfUser(tenantId, user.id, 'credential-changed')
}

function objectionTo(form: Form, user: SignInUser, secret: Uint8Array, nowMs: number): string | undefined {
  if (form.password === '' && form.passkey === '') return 'Choose a password or create a passkey.'
  if (form.password !== form.repeat) return 'The two passwords differ.'
  const objection = form.password === '' ? undefined : passwordObjection(form.password, user.name)
  if (objection !== undefined) return objection
  if (form.code !== '' && totpStep(secret, form.code, nowMs, 0) === undefined) {
    return 'The code does not fit. Check the clock of your device, or leave the code empty.'
  }
  return undefined
}

/** The TOTP secret that belongs to this invitation: the same at every view, so that a scanned code stays right. */
async function draftSecret({ parts, realm, invitation }: Opened): Promise<Uint8Array> {
  const { id: tenantId } = realm.tenant
  const known = drafted.safeParse((await parts.oneTime.peek(tenantId, 'invitation-draft', invitation))?.value)
  if (known.success) return Buffer.from(known.data.secret, 'base64url')
  const secret = newTotpSecret()
  const draft = { secret: Buffer.from(secret).toString('base64url') }
  await parts.oneTime.put(tenantId, 'invitation-draft', invitation, draft, { lifeMs: caps.invitationLifeMs.default })
  return secret
}

function scopeOf({ invitation }: Opened): string {
  return `invitation/${invitation}`
}
