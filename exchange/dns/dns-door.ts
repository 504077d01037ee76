// DNS over HTTPS (RFC 8484): the question in the address of a GET or the body of a POST. Must never answer somebody who
// is not signed in, nor read more than one small message.
import { DNS_PATH } from '#core/wire/flow.ts'
import { Fault, isFault } from '#core/fault.ts'
import type { AnyRequest, AnyResponse } from '#exchange/pages/answer.ts'
import type { WebAsker } from '#exchange/outbound/web-access.ts'
import { caps } from './caps.ts'
import type { Names } from './names.ts'

export type DnsDoor = {
  readonly isFor: (target: string) => boolean
  /** Throws Faults, which the door answers. */
  readonly answer: (request: AnyRequest, response: AnyResponse, asker: WebAsker) => Promise<void>
}

const TYPE = 'application/dns-message'

export function createDnsDoor(ready: () => Promise<void>, names: Names): DnsDoor {
  return {
    isFor: (target) => target === DNS_PATH || target.startsWith(`${DNS_PATH}?`),
    async answer(request, response, asker) {
      if ((asker.tenant.webSettings?.dns ?? 'off') === 'off') throw new Fault('not-found')
      const question = request.method === 'POST' ? await bodyOf(request) : questionIn(request)
      // Categories are loaded with the first question: without them policy would allow what it forbids.
      await ready()
      const { message, maxAgeSeconds } = await names.answer(asker, question).catch((error: unknown) => {
        throw isFault(error, 'wire-malformed') ? new Fault('request-malformed', { cause: error }) : error
      })
      const head = {
        'content-type': TYPE,
        'content-length': message.length,
        'cache-control': `private, max-age=${maxAgeSeconds}`,
        'x-content-type-options': 'nosniff',
      }
      if ('stream' in response) response.writeHead(200, head).end(message)
      else response.writeHead(200, head).end(message)
    },
  }
}

function questionIn({ method, url = '' }: AnyRequest): Uint8Array {
  if (method !== 'GET') throw new Fault('request-malformed', { hint: 'Use GET or POST.' })
  const [, text] = /^[^?]*\?dns=([A-Za-z0-9_-]+)$/.exec(url) ?? []
  if (text === undefined) throw new Fault('request-malformed', { hint: 'Say dns=<base64url>.' })
  if (text.length > (caps.queryBytes.default * 4) / 3) throw new Fault('request-too-large')
  return Buffer.from(text, 'base64url')
}

async function bodyOf(request: AnyRequest): Promise<Uint8Array> {
  if (request.headers['content-type'] !== TYPE) throw new Fault('request-malformed', { hint: `The body is ${TYPE}.` })
  const chunks: Buffer[] = []
  let bytes = 0
  const timer = setTimeout(() => request.destroy(new Fault('request-timeout')), caps.resolverMs.default)
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > caps.queryBytes.default) throw new Fault('request-too-large')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } finally {
    clearTimeout(timer)
  }
}
