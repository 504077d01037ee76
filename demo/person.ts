// A person with a simple browser: keeps cookies by host, follows redirects, fills in and sends forms.
// For stories where a real Chromium would only be slow; pages of ours work without JavaScript on purpose.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'

const MAX_REDIRECTS = 20
const DEADLINE_MS = 30_000

export type Page = {
  readonly url: URL
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export type Form = { readonly action: URL; readonly method: string; readonly fields: ReadonlyMap<string, string> }

export class Person {
  readonly #caPem: string
  /** host → name → value */
  readonly #cookies = new Map<string, Map<string, string>>()
  readonly #userAgent: string

  constructor(caPem: string, userAgent = 'person') {
    this.#caPem = caPem
    this.#userAgent = userAgent
  }

  cookiesOf(host: string): ReadonlyMap<string, string> {
    return this.#cookies.get(host) ?? new Map<string, string>()
  }

  /** Goes to a page as a navigation does, and on through redirects. */
  async open(url: string | URL): Promise<Page> {
    return await this.#follow(new URL(url), 'GET', undefined)
  }

  /** One request, no redirects followed, with any headers. */
  async fetch(
    url: string | URL,
    options: {
      readonly method?: string
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    } = {},
  ): Promise<Page> {
    return await this.#send(new URL(url), options.method ?? 'GET', options.body, options.headers ?? {})
  }

  /** Fills in the first form that has all the named fields, and sends it. */
  async submit(page: Page, values: Readonly<Record<string, string>>, action?: RegExp): Promise<Page> {
    const wanted = Object.keys(values)
    const form = formsOf(page).find(
      (each) =>
        wanted.every((name) => each.fields.has(name)) && (action === undefined || action.test(each.action.pathname)),
    )
    if (!form)
      throw new Error(
        `no form with ${wanted.join(', ')} ${String(action ?? '')} on ${page.url.href} (${page.status}):\n${page.text.slice(0, 3000)}`,
      )
    const body = new URLSearchParams(
      [...form.fields, ...Object.entries(values)].reduce(
        (all, [name, value]) => all.set(name, value),
        new Map<string, string>(),
      ) as never,
    ).toString()
    return await this.#follow(form.action, form.method, body, page.url.origin)
  }

  async #follow(start: URL, method: string, body: string | undefined, origin?: string): Promise<Page> {
    let [url, verb, content] = [start, method, body]
    for (let hop = 0; hop < MAX_REDIRECTS; hop++) {
      const page = await this.#send(url, verb, content, {
        Accept: 'text/html',
        'Sec-Fetch-Mode': 'navigate',
        'Sec-Fetch-Dest': 'document',
        'Sec-Fetch-Site': origin === undefined ? 'none' : 'same-origin',
        ...(content !== undefined && {
          'Content-Type': 'application/x-www-form-urlencoded',
          ...(origin !== undefined && { Origin: origin }),
        }),
      })
      const location = page.headers['location']
      if (page.status < 300 || page.status >= 400 || typeof location !== 'string') return page
      url = new URL(location, url)
      if (page.status !== 307 && page.status !== 308) [verb, content] = ['GET', undefined]
    }
    throw new Error(`too many redirects from ${start.href}`)
  }

  async #send(
    url: URL,
    method: string,
    body: string | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Page> {
    const jar = this.#cookies.get(url.host) ?? new Map<string, string>()
    const isTls = url.protocol === 'https:'
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    return await new Promise<Page>((resolve, reject) => {
      const request = (isTls ? httpsRequest : httpRequest)(
        url,
        {
          method,
          agent: false,
          lookup: loopback,
          ...(isTls && { ca: this.#caPem }),
          headers: {
            'User-Agent': this.#userAgent,
            ...(cookie !== '' && { Cookie: cookie }),
            ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            for (const line of response.headers['set-cookie'] ?? []) keep(jar, line)
            this.#cookies.set(url.host, jar)
            resolve({
              url,
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString('utf8'),
            })
          })
        },
      )
      request.setTimeout(DEADLINE_MS, () => request.destroy(new Error(`no answer from ${url.href}`)))
      request.on('error', reject)
      request.end(body)
    })
  }
}

function keep(jar: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';')
  const at = pair.indexOf('=')
  const [name, value] = [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
  const isGone = attributes.some(
    (each) =>
      /^\s*max-age\s*=\s*0\s*$/i.test(each) ||
      (/^\s*expires\s*=/i.test(each) && Date.parse(each.split('=')[1] ?? '') < Date.now()),
  )
  if (isGone || value === '') jar.delete(name)
  else jar.set(name, value)
}

export function formsOf(page: Page): readonly Form[] {
  return [...page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, head = '', content = '']) => {
    const fields = new Map<string, string>()
    for (const [, attributes = ''] of content.matchAll(/<(?:input|textarea|select|button)\b([^>]*)>/g)) {
      const name = attribute(attributes, 'name')
      if (name !== undefined) fields.set(name, attribute(attributes, 'value') ?? '')
    }
    return {
      action: new URL(attribute(head, 'action') ?? '', page.url),
      method: (attribute(head, 'method') ?? 'get').toUpperCase(),
      fields,
    }
  })
}

function attribute(text: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}\\s*=\\s*"([^"]*)"`).exec(text)?.[1]
  return value
    ?.replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

/** Every name of the test world is this machine. */
const loopback: LookupFunction = (_name, options, done) => {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}
