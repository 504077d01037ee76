// Events in batches by HTTPS. A batch counts once it was answered with 2xx. Must never follow a redirect, nor dial an
// address that was not looked at.
import { request } from 'node:https'
import { Fault } from '#core/fault.ts'
import type { StreamTarget } from '#core/resources/event-stream.ts'
import { caps } from '#control/caps.ts'
import type { Receiver } from './lap.ts'
import type { ReceiverAddresses } from './receiver-address.ts'
import { within } from './syslog.ts'

type Target = Extract<StreamTarget, { kind: 'http' }>

export function httpReceiver(target: Target, bearerToken: string | null, addresses: ReceiverAddresses): Receiver {
  return {
    lap: {
      events: caps.streamBatchEvents.default,
      bytes: caps.streamBatchBytes.default,
      ms: caps.streamBatchMs.default,
    },
    begin: async (signal) => {
      const lines: string[] = []
      const aborting = new AbortController()
      const onAbort = () => aborting.abort()
      signal.addEventListener('abort', onAbort, { once: true })
      return {
        write: async (_event, json) => void lines.push(json),
        finish: () =>
          within(post(target, bearerToken, lines, addresses, aborting.signal), caps.streamWriteMs.default).finally(
            () => {
              signal.removeEventListener('abort', onAbort)
              aborting.abort()
            },
          ),
        abort: () => {
          signal.removeEventListener('abort', onAbort)
          aborting.abort()
        },
      }
    },
  }
}

async function post(
  target: Target,
  bearerToken: string | null,
  lines: readonly string[],
  addresses: ReceiverAddresses,
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(target.url)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const address = await addresses.resolve(host)
  signal.throwIfAborted()
  const isArray = target.format === 'json'
  const body = Buffer.from(isArray ? `[${lines.join(',')}]` : `${lines.join('\n')}\n`)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const sent = request(
    {
      host: address,
      port: url.port === '' ? 443 : Number(url.port),
      ...(/[a-z]/i.test(host) && !host.includes(':') && { servername: host }),
      path: `${url.pathname}${url.search}`,
      method: 'POST',
      agent: false,
      minVersion: 'TLSv1.2',
      signal,
      ...(target.caPem !== undefined && { ca: target.caPem }),
      headers: {
        host: url.host,
        'content-type': isArray ? 'application/json' : 'application/x-ndjson',
        'content-length': body.length,
        ...(bearerToken !== null && { authorization: `Bearer ${bearerToken}` }),
      },
    },
    (response) => {
      const { statusCode = 0 } = response
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > caps.streamAnswerBytes.default) response.destroy(new Fault('upstream-malformed'))
      })
      response.on('error', reject)
      response.on('end', () => {
        if (statusCode >= 200 && statusCode < 300) resolve()
        else reject(new Fault('upstream-malformed', { hint: `It answered ${statusCode}.` }))
      })
    },
  )
  sent.on('error', reject)
  sent.end(body)
  return promise
}
