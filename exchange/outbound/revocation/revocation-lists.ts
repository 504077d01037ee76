// Revocation lists that an administrator named, from files and addresses, read again on a schedule. Must never call a
// certificate revoked by a list that its own issuer has not signed, nor forget a list because a newer one did not come.
import type { X509Certificate } from 'node:crypto'
import { asFault } from '#core/fault.ts'
import type { Log } from '#exchange/context.ts'
import { caps } from '#exchange/outbound/caps.ts'
import { readRevocationList, type RevocationList } from './revocation-list.ts'
import { isSignedBy, namesOf } from './signed.ts'

export type RevocationLists = {
  /** `issuer` must be who signed the certificate. */
  readonly isRevoked: (certificate: X509Certificate, issuer: X509Certificate) => boolean
  /** The first reading of all lists. */
  readonly ready: Promise<void>
  readonly close: () => void
}

export type RevocationListsDeps = {
  /** The bytes of a file or of an address; throws anything. */
  readonly read: (source: string, signal: AbortSignal) => Promise<Buffer>
  readonly log: Log
  readonly now: () => number
}

type Held = { readonly list: RevocationList; readonly verified: Map<string, boolean> }

export function startRevocationLists(sources: readonly string[], deps: RevocationListsDeps): RevocationLists {
  const held = new Map<string, Held>()
  const ending = new AbortController()
  const timer = setInterval(() => void readAll(), caps.revocationListEveryMs.default).unref()

  return {
    isRevoked(certificate, issuer) {
      if (held.size === 0) return false
      const { serial, issuer: name } = namesOf(certificate.raw)
      const nameHex = name.toString('hex')
      for (const { list, verified } of held.values()) {
        if (list.issuer !== nameHex || !list.serials.has(serial)) continue
        // Once per issuer and list: of two authorities with one name, each counts for its own certificates only.
        if (verified.getOrInsertComputed(issuer.fingerprint256, () => isSignedBy(list.signed, issuer.publicKey)))
          return true
      }
      return false
    },
    // A turn later: what reads addresses is made after us, since it asks us about certificates.
    ready: Promise.resolve().then(readAll),
    close() {
      clearInterval(timer)
      ending.abort()
    },
  }

  async function readAll(): Promise<void> {
    await Promise.all(sources.map(readOne))
  }

  async function readOne(source: string): Promise<void> {
    try {
      const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(caps.revocationListMs.default)])
      const list = readRevocationList(await deps.read(source, signal), caps.revocationListEntries.default)
      if (ending.signal.aborted) return
      held.set(source, { list, verified: new Map() })
      if (list.nextUpdateMs < deps.now()) deps.log('a revocation list is out of date', { source })
    } catch (error) {
      // The last good one stays.
      if (!ending.signal.aborted) deps.log('a revocation list could not be read', { source, code: codeOf(error) })
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof RangeError ? error.message : asFault(error).code
}
