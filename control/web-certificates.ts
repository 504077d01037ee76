// Certificates of our own hosts: from the web CA, from files, or from an ACME authority. Must never fall back to one
// when another was configured.
import { createSecureContext, type SecureContext } from 'node:tls'
import { Fault } from '#core/fault.ts'
import { browserDoorTls } from '#transport/tls-defaults.ts'
import { caps } from './caps.ts'
import type { AcmeCertificatesDeps } from './certificates/acme-certificates.ts'
import type { AcmeConfig } from './certificates/acme-order.ts'
import { startFileCertificates } from './certificates/file-certificates.ts'
import type { ControlConfig } from './config.ts'
import type { ControlAuthority } from './authority/authority.ts'
import type { PublicCertificate } from './figures.ts'

export type WebCertificates = {
  readonly contextFor: (host: string) => Promise<SecureContext>
  /** What a TLS-ALPN-01 validation of this host is to be shown; undefined: nobody validates it. */
  readonly challengeFor: (host: string) => SecureContext | undefined
  /** Those that come from outside, with their end and what went wrong. */
  readonly list: () => readonly PublicCertificate[]
  /** Looks now at what is due. */
  readonly round: () => Promise<void>
  readonly close: () => Promise<void>
}

export type WebCertificatesDeps = AcmeCertificatesDeps & {
  readonly authority: ControlAuthority
  readonly environment: Readonly<Record<string, string | undefined>>
}

type Kept = { readonly context: SecureContext; readonly renewAtMs: number }
const none = { challengeFor: () => undefined, list: () => [], round: async () => {}, close: async () => {} }

export async function createWebCertificates(
  web: ControlConfig['web'],
  deps: WebCertificatesDeps,
): Promise<WebCertificates> {
  switch (web?.kind) {
    case 'files': {
      const files = await startFileCertificates(web, deps)
      return {
        ...none,
        contextFor: files.contextFor,
        list: files.list,
        round: files.look,
        close: async () => files.close(),
      }
    }
    case 'acme': {
      const { startAcmeCertificates } = await import('./certificates/acme-certificates.ts')
      return startAcmeCertificates(acmeConfig(web, deps.environment), deps)
    }
    case 'own':
    case undefined:
      return ownCertificates(deps)
  }
}

function acmeConfig(
  { directory, email, challenge, hook, caFile, externalAccount }: Extract<ControlConfig['web'], { kind: 'acme' }>,
  environment: WebCertificatesDeps['environment'],
): AcmeConfig {
  const base = { directory, email, challenge, hook, caFile }
  if (externalAccount === undefined) return { ...base, externalAccount: undefined }
  const { keyId, hmacFromEnvironment } = externalAccount
  const hmacKey = environment[hmacFromEnvironment]
  if (!hmacKey) throw new Fault('configuration-invalid', { hint: `The variable ${hmacFromEnvironment} is not set.` })
  return { ...base, externalAccount: { keyId, hmacKey } }
}

function ownCertificates({ authority, nowMs }: WebCertificatesDeps): WebCertificates {
  const kept = new Map<string, Promise<Kept>>()
  return {
    ...none,
    contextFor: async (host) => {
      const known = await kept.get(host)?.catch(() => undefined)
      if (known && known.renewAtMs > nowMs()) return known.context
      if (kept.size >= caps.contextCertificates.default) kept.clear()
      const making = authority.webCertificate(host).then(({ keyPem, certPem, notAfterMs }) => ({
        context: createSecureContext({ ...browserDoorTls, key: keyPem, cert: certPem }),
        renewAtMs: nowMs() + (notAfterMs - nowMs()) / 2,
      }))
      kept.set(host, making)
      return (await making).context
    },
  }
}
