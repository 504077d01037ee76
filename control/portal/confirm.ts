// "Was this you?": what the page says, and what counts as yes. Must never take a password alone, a proof from before the
// question, or another person's session.
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import type { LiveSession } from '#control/sign-in-seam.ts'
import { takeFreshProof } from '#control/sign-in/fresh-proof.ts'
import { html, type Html } from '#control/sign-in/html.ts'
import { notice } from '#control/sign-in/layout.ts'
import type { Login } from '#control/sign-in/logins.ts'
import type { SignInParts } from '#control/sign-in/parts.ts'
import type { Realm } from '#control/sign-in/realm.ts'
import { sendPage, type Visit } from '#control/sign-in/visit.ts'
import { doors, minute } from './pages.ts'

/** Kept while the person signs in once more. */
export const confirmation = z.object({
  userId: z.string(),
  /** Of the browser that asked. */
  portalSessionId: z.string(),
  /** That is confirmed: the same, or another of this person. */
  sessionId: z.string(),
  askedAtMs: z.number(),
})
export type Confirmation = z.infer<typeof confirmation>

export function canConfirm({ door }: LiveSession): boolean {
  return door !== 'console'
}

export function confirmPage(options: {
  readonly token: string
  readonly current: string
  readonly sessions: readonly LiveSession[]
  readonly done: boolean
}): Html {
  const { token, current, sessions, done } = options
  return html`${notice(done ? 'Thank you. It is confirmed; go back to what you wanted to open.' : undefined)}
    <p>Are these you? You sign in once more, with a passkey or a code; a password alone is not enough.</p>
    <ul class="plain">
      ${sessions.filter(canConfirm).map(
        (session) =>
          html`<li>
            ${doors[session.door]}${session.id === current && ' (this one)'}, from ${session.ip}
            <p class="quiet">since ${minute(new Date(session.createdAtMs).toISOString())}</p>
            <form method="post" action="/confirm">
              <input type="hidden" name="token" value="${token}" />
              <input type="hidden" name="session" value="${session.id}" />
              <button type="submit">It is me</button>
            </form>
          </li>`,
      )}
    </ul>
    <form method="post" action="/confirm/not-me">
      <input type="hidden" name="token" value="${token}" />
      <p class="quiet">If it is not: all your sessions end at once, and your administrators are told.</p>
      <button class="second" type="submit">It was not me</button>
    </form>`
}

/** Whether the login that came back proves it; answers the person itself when not. */
export async function isProven(
  parts: SignInParts,
  realm: Realm,
  visit: Visit,
  {
    confirms,
    login,
    before,
  }: { readonly confirms: Confirmation; readonly login: Login; readonly before: LiveSession | undefined },
): Promise<boolean> {
  const { id: tenantId } = realm.tenant
  const { userId, portalSessionId, askedAtMs } = confirms
  if (before?.id !== portalSessionId || before.userId !== userId || login.userId !== userId) {
    throw new Fault('not-permitted', { hint: 'Sign in as the same person, in the same browser.' })
  }
  const isNew = login.createdAtMs >= askedAtMs
  if (isNew && login.factors.includes('mfa') && (await takeFreshProof(parts, tenantId, login.id, askedAtMs)))
    return true
  const user = await parts.deps.directory.userById(tenantId, userId)
  await parts.events.refused({ tenantId, ip: visit.ip, method: 'session', reason: 'not-confirmed', user })
  sendPage(visit, {
    title: 'Not confirmed',
    heading: realm.tenant.displayName,
    status: 403,
    body: html`<p role="alert">A new sign-in with a passkey, or with a password and a code, is needed.</p>
      <p>If you sign in elsewhere, your provider has to say that it just asked you for more than one factor.</p>
      <a class="button" href="/confirm">Try again</a>`,
  })
  return false
}

/** `replacedBy`: the session that this browser has now. */
export async function confirmSession(
  { deps }: SignInParts,
  realm: Realm,
  visit: Visit,
  {
    confirms,
    login,
    replacedBy,
  }: { readonly confirms: Confirmation; readonly login: Login; readonly replacedBy: string },
): Promise<void> {
  const { userId, portalSessionId, sessionId } = confirms
  const confirmed = sessionId === portalSessionId ? replacedBy : sessionId
  await deps.sessions.confirm(realm.tenant.id, confirmed, { userId, factors: login.factors, ip: visit.ip })
}
