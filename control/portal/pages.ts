// What the portal shows: apps, requests for access, sessions. Must never show a link that policy would refuse as if
// it were open, nor a name without escaping.
import type { AccessRequestView } from '#core/api/views.ts'
import type { LiveSession, Portal } from '#control/sign-in-seam.ts'
import { html, type Html } from '#control/sign-in/html.ts'
import { alert, notice } from '#control/sign-in/layout.ts'

export type MyApp = Awaited<ReturnType<Portal['myApps']>>[number]

export const navigation = (userName: string, toDecide: number): Html =>
  html`<nav class="quiet" aria-label="Portal">
    ${userName} · <a href="/">Apps</a> ·
    <a href="/request">Requests</a> ${toDecide > 0 && html`· <a href="/approvals">Approvals (${toDecide})</a>`} ·
    <a href="/account">Account</a> ·
    <a href="/confirm">Confirm</a>
  </nav>`

export function launcherPage(apps: readonly MyApp[]): Html {
  const allowed = apps.filter((app) => app.decision.decision === 'allow')
  const denied = apps.filter((app) => app.decision.decision !== 'allow')
  return html`${
    allowed.length === 0
      ? html`<p>No app is open to you at the moment.</p>`
      : html`<ul class="plain">
          ${allowed.map(
            (app) =>
              html`<li>
                ${
                  app.url === null || !app.url.startsWith('https://')
                    ? html`<strong>${app.displayName}</strong> <span class="quiet">through the agent</span>`
                    : html`<a href="${app.url}">${app.displayName}</a>`
                }
              </li>`,
          )}
        </ul>`
  }
  ${
    denied.length > 0 &&
    html`<h2>Not open to you</h2>
      <ul class="plain">
        ${denied.map(
          (app) =>
            html`<li>
              <strong>${app.displayName}</strong>
              <p class="quiet">${whyNot(app.decision)}</p>
              <a href="/request?app=${encodeURIComponent(app.name)}">Request access</a>
            </li>`,
        )}
      </ul>`
  }`
}

/** For the person: what to do about it, and what is missing as far as the tenant lets people see it. */
function whyNot({ message, advice, missing }: MyApp['decision']): string {
  const [nearest] = missing
  const said = sentence(advice === '' ? message : advice)
  if (nearest === undefined || nearest.conditions.length === 0) return said
  return `${said} ${sentence(`Missing: ${nearest.conditions.join('; ')}`)}`
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

export function requestPage(options: {
  readonly token: string
  readonly app: string
  readonly mine: readonly AccessRequestView[]
  readonly message: string | undefined
  readonly done: boolean
}): Html {
  return html`${alert(options.message)}${notice(options.done ? 'Your request was sent.' : undefined)}
    <form method="post" action="/request">
      <input type="hidden" name="token" value="${options.token}" />
      <label for="app">App</label>
      <input id="app" name="app" type="text" required maxlength="40" value="${options.app}" autocapitalize="none" />
      <label for="reason">Why you need it</label>
      <textarea id="reason" name="reason" rows="3" required maxlength="1000"></textarea>
      <button type="submit">Send the request</button>
    </form>
    <h2>Your requests</h2>
    ${
      options.mine.length === 0
        ? html`<p class="quiet">None so far.</p>`
        : html`<ul class="plain">
            ${options.mine.map(
              (request) =>
                html`<li>
                  <strong>${request.app}</strong>: ${request.status}
                  ${request.accessUntil !== null && html`until ${minute(request.accessUntil)}`}
                  <p class="quiet">${minute(request.createdAt)} · ${request.reason}</p>
                </li>`,
            )}
          </ul>`
    }`
}

export function approvalsPage(options: {
  readonly token: string
  readonly toDecide: readonly AccessRequestView[]
  readonly done: boolean
}): Html {
  return html`${notice(options.done ? 'Your decision is in force.' : undefined)}
  ${
    options.toDecide.length === 0
      ? html`<p>Nothing is waiting for you.</p>`
      : html`<ul class="plain">
          ${options.toDecide.map(
            (request) =>
              html`<li>
                <strong>${request.user}</strong> asks for <strong>${request.app}</strong>
                <p>${request.reason}</p>
                <form method="post" action="/approvals">
                  <input type="hidden" name="token" value="${options.token}" />
                  <input type="hidden" name="request" value="${request.id}" />
                  <label for="for-${request.id}">For how long</label>
                  <select id="for-${request.id}" name="hours">
                    <option value="8">8 hours</option>
                    <option value="24">1 day</option>
                    <option value="168">7 days</option>
                    <option value="720">30 days</option>
                  </select>
                  <button type="submit" name="decision" value="approve">Approve</button>
                  <button class="second" type="submit" name="decision" value="refuse">Refuse</button>
                </form>
              </li>`,
          )}
        </ul>`
  }`
}

export const doors: Readonly<Record<LiveSession['door'], string>> = {
  browser: 'Browser',
  agent: 'Agent',
  console: 'Command line or console',
  web: 'Explicit proxy',
}

export function sessionsPage(options: {
  readonly token: string
  readonly current: string
  readonly sessions: readonly LiveSession[]
  readonly done: string | undefined
}): Html {
  const { token } = options
  return html`${notice(options.done)}
    <p><a href="/account/credentials">Passkeys, codes and password</a></p>
    <h2>Where you are signed in</h2>
    <ul class="plain">
      ${options.sessions.map(
        (session) =>
          html`<li>
            ${doors[session.door]}${session.id === options.current && ' (this one)'}, from ${session.ip}
            <p class="quiet">
              since ${minute(new Date(session.createdAtMs).toISOString())}, last seen
              ${minute(new Date(session.lastSeenAtMs).toISOString())}
            </p>
            <form method="post" action="/account/end">
              <input type="hidden" name="token" value="${token}" />
              <input type="hidden" name="session" value="${session.id}" />
              <button class="second" type="submit">End</button>
            </form>
          </li>`,
      )}
    </ul>
    <form method="post" action="/account/end-all">
      <input type="hidden" name="token" value="${token}" />
      <button class="second" type="submit">End all of them</button>
    </form>
    ${signOutForm(token)}`
}

export function signOutForm(token: string): Html {
  return html`<form method="post" action="/sign-out">
    <input type="hidden" name="token" value="${token}" />
    <button type="submit">Sign out</button>
  </form>`
}

export function minute(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`
}
