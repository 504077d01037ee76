// Renews the exchange's own certificate, with the same key, well before it ends, and looks after the others. Must never
// put a certificate in place that is for another key or another exchange.
import { asFault } from '#core/fault.ts'
import type { Feed } from '#exchange/feed/feed.ts'
import type { Log } from '#exchange/context.ts'
import { caps } from '#exchange/caps.ts'
import { identityFrom, writeCertificate, type OwnIdentity } from './own-identity.ts'
import { requestForKey } from '#transport/certificate-request.ts'

export type RenewalDeps = {
  readonly identityFolder: string
  readonly identity: () => OwnIdentity
  readonly setIdentity: (renewed: OwnIdentity) => void
  readonly feed: Feed
  readonly now: () => number
  readonly log: Log
  /** Every minute: for what else has to be renewed. */
  readonly onTick: () => void
}

export type Renewal = { readonly close: () => void }

export function startRenewal(deps: RenewalDeps): Renewal {
  let isRenewing = false
  const timer = setInterval(() => {
    deps.onTick()
    if (!isRenewing && deps.feed.isConnected && isDue(deps.identity(), deps.now())) renew()
  }, caps.renewRetryMs.default)
  timer.unref()
  return { close: () => clearInterval(timer) }

  function renew(): void {
    isRenewing = true
    renewIdentity(deps)
      .catch((error: unknown) => deps.log('the certificate was not renewed', { code: asFault(error).code }))
      .finally(() => (isRenewing = false))
  }
}

export async function renewIdentity({ identityFolder, identity, setIdentity, feed, log }: RenewalDeps): Promise<void> {
  const current = identity()
  const { certificatePem } = await feed.ask({
    type: 'certificate',
    use: 'identity',
    tenantId: null,
    csrPem: requestForKey(current.key, current.exchangeId),
  })
  const renewed = identityFrom(current, current.keyPem, certificatePem)
  await writeCertificate(identityFolder, certificatePem)
  setIdentity(renewed)
  log('certificate renewed', { use: 'identity' })
}

function isDue({ notBeforeMs, notAfterMs }: OwnIdentity, nowMs: number): boolean {
  return notAfterMs - nowMs < (notAfterMs - notBeforeMs) * caps.renewShare.default
}
