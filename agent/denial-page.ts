// How a local program hears that it may not: a page for people, text for programs. Must never show text from outside
// unescaped.
import type { Denial } from '#core/wire/flow.ts'
import { isRefusal } from './flow-opener.ts'

export type DenialAnswer = {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

export function denialAnswer(denial: Denial, accept: string | undefined): DenialAnswer {
  const isHtml = accept !== undefined && /\btext\/html\b/.test(accept)
  const body = isHtml ? page(denial) : plain(denial)
  return {
    status: isRefusal(denial) ? 403 : 502,
    headers: [
      ['content-type', isHtml ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8'],
      ['content-length', String(Buffer.byteLength(body))],
      ['cache-control', 'no-store'],
      ['content-security-policy', "default-src 'none'; style-src 'unsafe-inline'"],
      ['sallyport-reason', /^[a-z0-9-]{1,64}$/.test(denial.reason) ? denial.reason : 'denied'],
    ],
    body,
  }
}

/** The whole answer as bytes, for CONNECT. */
export function rawDenial(denial: Denial, accept: string | undefined): string {
  const { status, headers, body } = denialAnswer(denial, accept)
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `HTTP/1.1 ${status} ${status === 403 ? 'Forbidden' : 'Bad Gateway'}\r\n${lines}connection: close\r\n\r\n${body}`
}

function plain({ reason, message, advice, requestAccessUrl }: Denial): string {
  const lines = [
    `${message} (${reason})`,
    advice,
    requestAccessUrl === null ? '' : `Request access: ${requestAccessUrl}`,
  ]
  return `${lines.filter((line) => line !== '').join('\n')}\n`
}

function page({ reason, message, advice, requestAccessUrl }: Denial): string {
  const link =
    requestAccessUrl?.startsWith('https://') === true
      ? `<p><a href="${escape(requestAccessUrl)}">Request access</a></p>`
      : ''
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Not reached</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:4em auto;padding:0 1em}code{color:#555}</style>
<h1>Not reached</h1><p>${escape(message)}</p><p>${escape(advice)}</p>${link}<p><code>${escape(reason)}</code></p></html>
`
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
