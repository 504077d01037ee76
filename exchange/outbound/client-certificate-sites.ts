// Sites that were seen asking for a client certificate: only the person's own program has it, so that the next connection
// is passed through. Must never be learned for a site that nobody has put into a category: anybody can ask.
import { caps } from './caps.ts'

export type ClientCertificateSites = {
  readonly learn: (tenantId: string, host: string) => void
  readonly has: (tenantId: string, host: string) => boolean
}

export function createClientCertificateSites(now: () => number): ClientCertificateSites {
  const untilOf = new Map<string, number>()
  return {
    learn(tenantId, host) {
      const key = `${tenantId} ${host}`
      untilOf.delete(key)
      untilOf.set(key, now() + caps.clientCertificateLifeMs.default)
      const [oldest] = untilOf.keys()
      if (untilOf.size > caps.clientCertificateHosts.default && oldest !== undefined) untilOf.delete(oldest)
    },
    has(tenantId, host) {
      return (untilOf.get(`${tenantId} ${host}`) ?? 0) > now()
    },
  }
}
