// A refusal in words: a page for people, JSON for programs, the same facts in both. Must never say more about a denial
// than the tenant allows, nor carry anything a client sent without escaping it.
import { adviceFor } from '#core/policy/advice.ts'
import type { Deny } from '#core/policy/decide.ts'
import type { Denial } from '#core/wire/flow.ts'
import type { TenantRecord } from '#core/records/records.ts'
import { sha256 } from '#transport/secret.ts'
import { escapeHtml } from './escape.ts'

export type DenialFacts = {
  readonly tenant: TenantRecord
  readonly decision: Deny
  /** null: an app that the person may not know of. */
  readonly app: { readonly name: string; readonly displayName: string } | null
  readonly eventId: string
  /** `https://<tenant>.<domain>[:port]` */
  readonly portalOrigin: string
}

export const REASON_HEADER = 'sallyport-reason'

const style =
  'body{font:16px/1.5 system-ui,sans-serif;margin:12vh auto;max-width:36rem;padding:0 1.5rem;color:#1c2430;' +
  'background:#f7f8fa}h1{font-size:1.5rem}a{color:#0b57d0}.button{display:inline-block;padding:.5rem 1rem;' +
  'background:#0b57d0;color:#fff;border-radius:.4rem;text-decoration:none}dl{display:grid;' +
  'grid-template-columns:auto 1fr;gap:.25rem 1rem;color:#5a6472;font-size:.875rem}dd{margin:0;' +
  'overflow-wrap:anywhere}footer{color:#5a6472;font-size:.875rem}' +
  '@media(prefers-color-scheme:dark){body{background:#12161c;color:#e6e9ee}a{color:#8ab4f8}}'

const titles: Readonly<Partial<Record<Deny['reason'], string>>> = {
  'session-ended': 'Your session has ended',
  'session-expired': 'Your session is over',
  'no-connector': 'The app is not connected',
  'app-unknown': 'There is no such app here',
  'snapshot-stale': 'This exchange cannot decide at the moment',
  'journal-full': 'This exchange cannot keep records at the moment',
}

/** What may be asked for: the rest needs somebody else to act, or time. */
const requestable: ReadonlySet<Deny['reason']> = new Set(['no-policy', 'app-not-in-contract', 'outside-contract'])

/** The facts as agents and programs get them. */
export function denialOf({ tenant, decision, app, portalOrigin }: DenialFacts): Denial {
  const mayAsk = app !== null && requestable.has(decision.reason)
  return {
    reason: tenant.explain === 'none' ? 'denied' : decision.reason,
    message: messageOf(tenant, decision).slice(0, 2000),
    advice: tenant.explain === 'none' ? 'Ask your administrator.' : adviceFor(decision).slice(0, 2000),
    requestAccessUrl: mayAsk ? `${portalOrigin}/request?app=${encodeURIComponent(app.name)}` : null,
  }
}

/** HTTP status of a denial: people can wait for some, and sign in for others. */
export function statusOf({ reason }: Deny): number {
  if (reason === 'snapshot-stale' || reason === 'journal-full' || reason === 'no-connector') return 503
  if (reason === 'session-ended' || reason === 'session-expired') return 401
  return 403
}

export function denialJson(facts: DenialFacts): string {
  return JSON.stringify({ kind: 'denied', denial: denialOf(facts), eventId: facts.eventId })
}

export function denialPage(facts: DenialFacts): string {
  const { reason, message, advice, requestAccessUrl } = denialOf(facts)
  const title = (reason === 'denied' ? undefined : titles[facts.decision.reason]) ?? 'Access denied'
  const ask =
    requestAccessUrl === null
      ? ''
      : `<p><a class="button" href="${escapeHtml(requestAccessUrl)}">Request access</a></p>`
  // The page behind it says nothing about the denial, but the button would.
  const isAsked = reason === 'proof-needed'
  const confirm = isAsked
    ? `<p><a class="button" href="${escapeHtml(facts.portalOrigin)}/confirm">Confirm that this is you</a></p>`
    : ''
  const app = facts.app === null ? '' : `<dt>App</dt><dd>${escapeHtml(facts.app.displayName)}</dd>`
  return page(
    title,
    `<p>${escapeHtml(message)}</p><p>${escapeHtml(advice)}</p>${ask}${confirm}
<dl>${app}<dt>Reason</dt><dd>${escapeHtml(reason)}</dd><dt>Event</dt><dd>${escapeHtml(facts.eventId)}</dd></dl>
<p><a href="${escapeHtml(facts.portalOrigin)}/">To your apps</a></p>`,
    facts.tenant.displayName,
  )
}

/** A page about something that is not a policy decision: no app, no session, a broken upstream. */
export function plainPage(title: string, text: string, detail: string | null = null): string {
  const small = detail === null ? '' : `<dl><dt>Code</dt><dd>${escapeHtml(detail)}</dd></dl>`
  return page(title, `<p>${escapeHtml(text)}</p>${small}`, '')
}

/** Headers that every page and JSON of ours has. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy':
    `default-src 'none'; style-src 'sha256-${sha256(style).toString('base64')}'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

function messageOf(tenant: TenantRecord, decision: Deny): string {
  if (tenant.explain === 'none') return 'You may not do this.'
  if (tenant.explain === 'reason') return summaryOf(decision)
  const nearest = decision.missing[0]
  const forbidding = decision.policies.map(({ name }) => name).join(', ')
  if (forbidding !== '') return `${summaryOf(decision)} (policy ${forbidding})`
  if (nearest === undefined) return summaryOf(decision)
  return `${summaryOf(decision)} Policy ${nearest.policy.name} ${nearest.conditions.join('; ')}.`
}

const summaries: Readonly<Record<Deny['reason'], string>> = {
  'tenant-suspended': 'Access for the whole organisation is suspended.',
  'user-disabled': 'The account is disabled.',
  'session-ended': 'The session was ended.',
  'session-expired': 'The session has expired.',
  'device-revoked': 'The device is not trusted any more.',
  'device-required': 'The app is open to enrolled devices only.',
  contained: 'Access is stopped for safety.',
  'proof-needed': 'We have to ask again whether this is you.',
  restricted: 'Only reading is possible for now, without downloads.',
  'outside-contract': 'This is outside the time that was agreed with your organisation.',
  'app-not-in-contract': 'This app was not agreed with your organisation.',
  'app-disabled': 'The app is switched off.',
  'app-unknown': 'No app has this name, or you may not see it.',
  'snapshot-stale': 'The rules on this exchange are too old to decide on.',
  'path-not-allowed': 'This address or method of the app is not open.',
  'no-policy': 'No policy permits this.',
  forbidden: 'A policy forbids this.',
  'journal-full': 'Events cannot be written, and your organisation requires them.',
  'no-connector': 'No connector for this app is connected.',
  'destination-refused': 'This address or port may not be reached.',
  'certificate-untrusted': 'The certificate of this site does not verify.',
  'content-refused': 'The content was stopped.',
  'reason-needed': 'You have to give a reason before you go on.',
}

function summaryOf({ reason }: Deny): string {
  return summaries[reason]
}

function page(title: string, body: string, footer: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>${style}</style></head>
<body><main><h1>${escapeHtml(title)}</h1>${body}</main><footer>${escapeHtml(footer)}</footer></body></html>
`
}
