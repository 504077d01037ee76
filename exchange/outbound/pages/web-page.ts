// The page that stands in the place of a site: what happened, why, by which rule, and what to do; and the same for
// programs as JSON. Must never put into a page what a site or a person sent without escaping it.
import type { TenantRecord } from '#core/records/records.ts'
import type { WebSettings } from '#core/records/outbound.ts'
import { sha256 } from '#transport/secret.ts'
import { escapeHtml } from '#exchange/pages/escape.ts'
import { reasonOfStop, type Stop } from '#exchange/outbound/stop.ts'
import { languageFor, words, type Words } from './words.ts'

export type WebPageFacts = {
  readonly tenant: TenantRecord
  readonly settings: WebSettings
  readonly stop: Stop
  /** As the person wrote it: host with port where it is not the scheme's own. */
  readonly site: string
  readonly userName: string
  /** Names of the policies that decided. */
  readonly policies: readonly string[]
  readonly eventId: string
  readonly acceptLanguage: string | undefined
  /** Present when the person may go on: proof that this page was shown to them. */
  readonly token: string | undefined
}

export const CONTINUE_PATH = '/.sallyport/continue'
/** RFC 9110 has no status for it; 403 is what programs understand. */
const STOPPED = 403

const style =
  'body{font:16px/1.5 system-ui,sans-serif;margin:12vh auto;max-width:38rem;padding:0 1.5rem;color:#1c2430;' +
  'background:#f7f8fa}h1{font-size:1.5rem}dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;' +
  'color:#5a6472;font-size:.875rem}dd{margin:0;overflow-wrap:anywhere}footer{color:#5a6472;font-size:.875rem;' +
  'border-top:1px solid #c6ccd4;padding-top:.75rem}textarea{display:block;width:100%;font:inherit;margin:.25rem 0 ' +
  '1rem;box-sizing:border-box}button{font:inherit;padding:.5rem 1rem;border:1px solid #5a6472;border-radius:.4rem;' +
  'background:#fff;color:#1c2430}@media(prefers-color-scheme:dark){body{background:#12161c;color:#e6e9ee}}'

export const webPageHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy':
    `default-src 'none'; style-src 'sha256-${sha256(style).toString('base64')}'; ` +
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

export function statusOfStop(stop: Stop): number {
  if (stop.kind === 'failed') return stop.code === 'upstream-timeout' ? 504 : stop.code === 'at-capacity' ? 503 : 502
  if (stop.kind === 'denied' && (stop.reason === 'snapshot-stale' || stop.reason === 'journal-full')) return 503
  return STOPPED
}

export function webStopJson(facts: WebPageFacts): string {
  const said = textOf(facts, words.en)
  const mayTell = facts.tenant.explain !== 'none'
  return JSON.stringify({
    kind: 'stopped',
    reason: mayTell ? reasonOfStop(facts.stop) : 'denied',
    message: mayTell ? [said.title, ...said.paragraphs].join('. ') : 'Not allowed.',
    advice: said.advice,
    ...(facts.tenant.explain === 'full' && facts.policies.length > 0 && { policies: facts.policies }),
    eventId: facts.eventId,
  })
}

export function webStopPage(facts: WebPageFacts): string {
  const language = languageFor(facts.settings.language, facts.acceptLanguage)
  const own = words[language]
  const { title, paragraphs, advice } = textOf(facts, own)
  const { tenant, settings, site, userName, policies, eventId, stop } = facts
  const rows: [string, string][] = [
    [own.site, site],
    [own.person, userName],
  ]
  if (tenant.explain === 'full' && policies.length > 0) rows.push([own.rule, policies.join(', ')])
  if (tenant.explain !== 'none') rows.push([own.reason, reasonOfStop(stop)])
  rows.push([own.event, eventId])
  if (settings.contact !== '') rows.push([own.contact, settings.contact])
  const list = rows.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('')
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>${escapeHtml(title)}</title><style>${style}</style></head>
<body><main><h1>${escapeHtml(title)}</h1>${paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`).join('')}
<p>${escapeHtml(advice)}</p>${facts.token === undefined ? '' : form(facts.token, own)}<dl>${list}</dl></main>
<footer>${escapeHtml(tenant.displayName)}</footer></body></html>
`
}

function form(token: string, own: Words): string {
  return `<form method="post" action="${CONTINUE_PATH}"><input type="hidden" name="token" value="${escapeHtml(token)}">
<label>${escapeHtml(own.reasonLabel)}<textarea name="reason" rows="3" maxlength="500" required></textarea></label>
<p>${escapeHtml(own.journalled)}</p><button type="submit">${escapeHtml(own.goOn)}</button></form>`
}

type Text = { readonly title: string; readonly paragraphs: readonly string[]; readonly advice: string }

function textOf({ tenant, stop }: WebPageFacts, own: Words): Text {
  // Words that an administrator wrote for the person are shown even where reasons are not.
  if (stop.kind === 'coach') return { title: own.coachTitle, paragraphs: [stop.text], advice: own.journalled }
  if (tenant.explain === 'none') return { title: own.deniedTitle, paragraphs: [], advice: own.advice }
  switch (stop.kind) {
    case 'denied':
      return { title: own.deniedTitle, paragraphs: [deniedText(stop.reason, own)], advice: own.advice }
    case 'certificate':
      return {
        title: own.certificateTitle,
        paragraphs: stop.problems.map((problem) => own.certificate[problem]),
        advice: own.certificateAdvice,
      }
    case 'content':
      return {
        title: own.contentTitle[stop.direction],
        paragraphs: [own.content[stop.verdict], ...(stop.why.length > 0 ? [stop.why.slice(0, 8).join(', ')] : [])],
        advice: own.contentAdvice,
      }
    case 'phishing':
      return { title: own.phishingTitle, paragraphs: [own.phishing, stop.reason], advice: own.certificateAdvice }
    case 'client-certificate':
      return { title: own.clientCertificateTitle, paragraphs: [own.clientCertificate], advice: own.retryAdvice }
    case 'failed':
      return { title: own.failedTitle, paragraphs: [own.failed], advice: own.retryAdvice }
  }
}

function deniedText(reason: string, own: Words): string {
  if (reason === 'destination-refused') return own.refusedAddress
  return reason === 'contained' ? own.contained : own.denied
}
