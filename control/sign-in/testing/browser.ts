// A browser for tests: cookies with the rules of `__Host-` and `__Secure-`, redirects, forms, Origin. No JavaScript.
// Talks plain HTTP to one test server whatever the host, and believes that it is https.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

export type Answer = {
  readonly status: number
  readonly url: URL
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}
export type Send = {
  readonly method?: string
  readonly form?: Readonly<Record<string, string>> | URLSearchParams
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly origin?: string | null
}

type Cookie = { readonly host: string; readonly path: string; readonly name: string; readonly value: string }

export class Browser {
  readonly #port: number
  readonly ip: string
  cookies: Cookie[] = []

  readonly #ca: readonly string[] | undefined

  /** With `ca` it really speaks TLS, and trusts only that. */
  constructor(port: number, ip = '192.0.2.1', ca?: readonly string[]) {
    this.#port = port
    this.ip = ip
    this.#ca = ca
  }

  /** One request, no redirects. */
  async send(address: string | URL, options: Send = {}): Promise<Answer> {
    const url = new URL(address)
    const method = options.method ?? (options.form || options.json !== undefined ? 'POST' : 'GET')
    const body = options.form
      ? new URLSearchParams(options.form).toString()
      : options.json === undefined
        ? undefined
        : JSON.stringify(options.json)
    const type = options.form ? 'application/x-www-form-urlencoded' : 'application/json'
    const cookie = this.cookieHeader(url)
    const origin = options.origin === undefined ? url.origin : options.origin
    const answer = await new Promise<Answer>((resolve, reject) => {
      const tls = this.#ca && { ca: [...this.#ca], servername: url.hostname }
      const request = (tls ? httpsRequest : httpRequest)(
        {
          ...tls,
          host: '127.0.0.1',
          port: this.#port,
          method,
          path: url.pathname + url.search,
          agent: false,
          headers: {
            host: url.host,
            accept: 'text/html,*/*',
            'x-test-ip': this.ip,
            ...(cookie !== '' && { cookie }),
            ...(method === 'POST' && origin !== null && { origin }),
            ...(body !== undefined && { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) }),
            ...options.headers,
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => (text += chunk))
          response.on('end', () => resolve({ status: response.statusCode ?? 0, url, headers: response.headers, text }))
          response.on('error', reject)
        },
      )
      request.on('error', reject)
      request.end(body)
    })
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) this.#store(url, line)
    return answer
  }

  /** Follows redirects (also Refresh) until a page, or until `stopAt` says that the address is not ours to fetch. */
  async go(address: string | URL, options: Send & { readonly stopAt?: (url: URL) => boolean } = {}): Promise<Answer> {
    let answer = await this.send(address, options)
    for (let hops = 0; hops < 20; hops++) {
      const next = nextOf(answer)
      if (next === undefined) return answer
      if (options.stopAt?.(next) === true) return { ...answer, url: next }
      answer = await this.send(next)
    }
    throw new Error('too many redirects')
  }

  /** Fills the form whose action ends with `action` and follows. */
  async submit(
    page: Answer,
    action: string,
    fields: Readonly<Record<string, string>> = {},
    options: Send & { readonly stopAt?: (url: URL) => boolean } = {},
  ): Promise<Answer> {
    const form = formOf(page.text, action)
    if (!form) throw new Error(`no form ${action} on ${page.url.href}: ${page.text.slice(0, 2000)}`)
    return this.go(new URL(form.action, page.url), { ...options, form: { ...form.hidden, ...fields } })
  }

  cookieHeader(url: URL): string {
    return this.cookies
      .filter(
        ({ host, path }) =>
          host === url.host &&
          (url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)),
      )
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  cookie(name: string, host?: string): string | undefined {
    return this.cookies.find((cookie) => cookie.name === name && (host === undefined || cookie.host === host))?.value
  }

  #store(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const at = pair.indexOf('=')
    const name = pair.slice(0, at)
    const given = new Map(
      attributes.map((text) => {
        const [key = '', ...value] = text.split('=')
        return [key.toLowerCase(), value.join('=')] as const
      }),
    )
    const path = given.get('path') ?? '/'
    const isSecure = given.has('secure') && given.has('httponly') && given.has('samesite') && !given.has('domain')
    const isDeletion = pair.endsWith('=')
    if (!isSecure && !isDeletion) throw new Error(`a cookie without its attributes: ${line}`)
    if (name.startsWith('__Host-') ? path !== '/' : !name.startsWith('__Secure-')) throw new Error(`cookie ${line}`)
    this.cookies = this.cookies.filter(
      (cookie) => cookie.name !== name || cookie.host !== url.host || cookie.path !== path,
    )
    const expires = given.get('expires')
    const isGone = given.get('max-age') === '0' || (expires !== undefined && Date.parse(expires) < 1000)
    if (!isGone) this.cookies.push({ host: url.host, path, name, value: pair.slice(at + 1) })
  }
}

export function nextOf(answer: Answer): URL | undefined {
  const location = answer.headers['location']
  if (typeof location === 'string') return new URL(location, answer.url)
  const refresh = answer.headers['refresh']
  const [, target] = typeof refresh === 'string' ? (/^0; url=(.+)$/.exec(refresh) ?? []) : []
  return target === undefined ? undefined : new URL(target, answer.url)
}

export function formOf(page: string, action: string) {
  for (const [, attributes = '', inside = ''] of page.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)) {
    const target = unescapeHtml(/action="([^"]*)"/.exec(attributes)?.[1] ?? '')
    if (!target.endsWith(action)) continue
    const hidden: Record<string, string> = {}
    for (const [input] of inside.matchAll(/<input\b[^>]*>/gs)) {
      const name = /\bname="([^"]*)"/.exec(input)?.[1]
      if (name !== undefined && /type="hidden"/.test(input))
        hidden[name] = unescapeHtml(/value="([^"]*)"/s.exec(input)?.[1] ?? '')
    }
    return { action: target, hidden }
  }
  return undefined
}

export function unescapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#96': '`' }
  return text.replaceAll(/&(amp|lt|gt|quot|#39|#96);/g, (_, entity: string) => entities[entity] ?? '')
}
