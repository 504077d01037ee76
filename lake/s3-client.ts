// Requests to an S3-compatible store: signed, bounded, with a deadline each, and tried again where that can help. Must
// never log or throw a credential, nor follow a redirect.
import { request as httpRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http'
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https'
import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { Fault } from '#core/fault.ts'
import { amzDate, authorization, encodePath, encodeQuery, type S3Credentials } from './s3-sign.ts'

export type S3Config = {
  /** `https://s3.example.org` or with a port; nothing behind it. */
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** `path`: endpoint/bucket/key; `virtual-host`: bucket.endpoint/key. */
  readonly style: 'path' | 'virtual-host'
  /** Before every key, ending in `/`; empty for none. */
  readonly prefix: string
  /** The authority that signed the store's certificate, when it is none of the well-known ones. */
  readonly caPem?: string
  /** Takes `http:` too. Everything can then be read and changed on the way; warns at every start. */
  readonly insecureHttp?: true
  readonly timeoutMs?: number
  readonly attempts?: number
}

export type S3Deps = {
  readonly credentials: () => Promise<S3Credentials>
  readonly nowMs?: () => number
  /** 0 to 1, for the pauses. */
  readonly random?: () => number
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

export type S3Ask = {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Without the prefix; empty: the bucket itself. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly maxAnswerBytes: number
}

export type S3Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Buffer
}

const DEFAULT_TIMEOUT_MS = 60_000
const DEFAULT_ATTEMPTS = 5
const FIRST_PAUSE_MS = 200
const MOST_PAUSE_MS = 10_000
const MAX_ERROR_BYTES = 64 * 1024
const MAX_SOCKETS = 4

const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const worthAgain = new Set([408, 425, 429, 500, 502, 503, 504])

export class S3Client {
  readonly #config: S3Config
  readonly #deps: S3Deps
  readonly #base: URL
  readonly #agent: HttpAgent | HttpsAgent

  /** Throws `configuration-invalid`. */
  constructor(config: S3Config, deps: S3Deps) {
    this.#config = config
    this.#deps = deps
    this.#base = checkConfig(config)
    const sockets = { keepAlive: true, maxSockets: MAX_SOCKETS, scheduling: 'lifo' } as const
    this.#agent =
      this.#base.protocol === 'https:'
        ? new HttpsAgent({ ...sockets, minVersion: 'TLSv1.2', ...(config.caPem !== undefined && { ca: config.caPem }) })
        : new HttpAgent(sockets)
  }

  /** Answers below 300 and 404; everything else is a fault. */
  async send(ask: S3Ask, signal: AbortSignal): Promise<S3Answer> {
    const { attempts = DEFAULT_ATTEMPTS, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#config
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      let fault: Fault
      try {
        const answer = await this.#sendOnce(ask, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
        if (answer.status < 300 || answer.status === 404) return answer
        fault = refusalOf(answer)
        if (!worthAgain.has(answer.status)) throw fault
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof Fault) throw error
        fault = new Fault('lake-unavailable', { hint: 'The object store did not answer.', cause: error })
      }
      if (attempt >= attempts) throw fault
      await this.#pause(attempt, signal)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  async #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const { random = Math.random, pause = (ms, stop) => wait(ms, undefined, { signal: stop }) } = this.#deps
    const most = Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1))
    await pause(Math.round(most * (0.5 + random() / 2)), signal)
  }

  async #sendOnce(ask: S3Ask, signal: AbortSignal): Promise<S3Answer> {
    const { bucket, style, region, prefix } = this.#config
    const credentials = await this.#deps.credentials()
    const { method, query = {}, body = new Uint8Array(0) } = ask
    const key = ask.key === '' ? '' : `${prefix}${ask.key}`
    const path = encodePath(style === 'path' ? `/${bucket}/${key}` : `/${key}`)
    const host = style === 'path' ? this.#base.host : `${bucket}.${this.#base.host}`
    const timeMs = (this.#deps.nowMs ?? Date.now)()
    const bodyHash = createHash('sha256').update(body).digest('hex')
    const headers: Record<string, string> = {
      ...ask.headers,
      host,
      'x-amz-content-sha256': bodyHash,
      'x-amz-date': amzDate(timeMs),
      ...(credentials.sessionToken !== undefined && { 'x-amz-security-token': credentials.sessionToken }),
    }
    const parts = { method, path, query, headers, bodyHash, region, service: 's3', timeMs }
    const sent = {
      ...headers,
      'content-length': String(body.length),
      authorization: authorization(parts, credentials),
    }
    const search = encodeQuery(query)
    const response = await this.#exchange(
      `${path}${search === '' ? '' : `?${search}`}`,
      host,
      method,
      sent,
      body,
      signal,
    )
    const most = response.statusCode !== undefined && response.statusCode < 300 ? ask.maxAnswerBytes : MAX_ERROR_BYTES
    return { status: response.statusCode ?? 0, headers: response.headers, body: await bounded(response, most) }
  }

  #exchange(
    path: string,
    host: string,
    method: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { hostname, port, protocol } = this.#base
    const start = protocol === 'https:' ? httpsRequest : httpRequest
    const servername = host.replace(/:\d+$/, '')
    const address = this.#config.style === 'path' ? hostname : servername
    return new Promise((resolve, reject) => {
      const request = start({
        agent: this.#agent,
        hostname: address.replace(/^\[|\]$/g, ''),
        port,
        path,
        method,
        headers,
        signal,
        servername,
      })
      request.once('response', resolve)
      request.once('error', reject)
      request.end(body)
    })
  }
}

function checkConfig({ endpoint, region, bucket, prefix, insecureHttp, style }: S3Config): URL {
  const refuse = (hint: string): never => {
    throw new Fault('configuration-invalid', { hint: `Object store: ${hint}` })
  }
  if (!URL.canParse(endpoint)) return refuse('the endpoint is not a URL.')
  const base = new URL(endpoint)
  if (base.protocol !== 'https:' && !(base.protocol === 'http:' && insecureHttp === true)) {
    return refuse('the endpoint must be https.')
  }
  if (base.pathname !== '/' || base.search !== '' || base.hash !== '' || base.username !== '' || base.password !== '') {
    return refuse('the endpoint is a host and a port, nothing more.')
  }
  if (!bucketPattern.test(bucket) || bucket.includes('..')) return refuse('not the name of a bucket.')
  if (style === 'virtual-host' && bucket.includes('.') && base.protocol === 'https:') {
    return refuse('a bucket with dots fits no certificate; use style path.')
  }
  if (!/^[a-z0-9-]{1,64}$/.test(region)) return refuse('not a region.')
  if (!/^(?:[A-Za-z0-9_=.-]+\/)*$/.test(prefix) || prefix.includes('..')) return refuse('a prefix ends in a slash.')
  return base
}

async function bounded(response: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    const part: Buffer = Buffer.from(chunk)
    bytes += part.length
    if (bytes > most) {
      response.destroy()
      throw new Fault('at-capacity', { hint: 'The object store sent more than asked for.' })
    }
    chunks.push(part)
  }
  return Buffer.concat(chunks)
}

function refusalOf({ status, body }: S3Answer): Fault {
  const code = /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(body.toString('utf8'))?.[1] ?? 'none'
  const detail = { status, code }
  if (code === 'RequestTimeTooSkewed') {
    return new Fault('lake-unavailable', { hint: "The object store's clock and ours differ too much.", detail })
  }
  if (status === 401 || status === 403) {
    return new Fault('configuration-invalid', { hint: 'The object store refused our credentials.', detail })
  }
  if (status >= 300 && status < 400) {
    return new Fault('configuration-invalid', {
      hint: 'The object store sent us elsewhere: check endpoint and region.',
      detail,
    })
  }
  return new Fault('lake-unavailable', { hint: 'The object store refused the request.', detail })
}
