// HTTPS to an external identity provider. Must never follow a redirect, speak without TLS, read without a cap or a
// deadline, or trust another authority than the one configured when one is.
import { request as httpsRequest } from 'node:https'
import { Fault } from '#core/fault.ts'
import { bodyText, readResponse, withDeadline, type Fetch } from './in-process-fetch.ts'

export function upstreamFetch(caPem: string | undefined): Fetch {
  return (url, options) => {
    const target = new URL(url)
    if (target.protocol !== 'https:' || target.username !== '' || target.password !== '') {
      return Promise.reject(
        new Fault('identity-provider-failed', { detail: { why: 'only https', url: target.origin } }),
      )
    }
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        target,
        {
          method: options.method ?? 'GET',
          headers: { ...options.headers },
          signal: withDeadline(options.signal),
          ...(caPem !== undefined && { ca: [caPem] }),
          agent: false,
          minVersion: 'TLSv1.2',
        },
        (response) => void readResponse(response).then(resolve, reject),
      )
      request.on('error', reject)
      request.end(bodyText(options.body))
    })
  }
}
