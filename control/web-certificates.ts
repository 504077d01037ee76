// Certificates of our own hosts: from the web CA, or from files that are read again when they change. Must never fall
// back to one when the other was configured.
import { stat, readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import { Fault } from '#core/fault.ts'
import { browserDoorTls } from '#transport/tls-defaults.ts'
import type { ControlAuthority } from './authority/authority.ts'
import { caps } from './caps.ts'
import type { ControlConfig } from './config.ts'
import type { PublicCertificate } from './figures.ts'

export type WebCertificates = {
  readonly contextFor: (host: string) => Promise<SecureContext>
  /** Those that come from outside, with their end and what went wrong. */
  readonly list: () => readonly PublicCertificate[]
}

type Kept = { readonly context: SecureContext; readonly renewAtMs: number }
const LOOK_AGAIN_MS = 30_000

export async function createWebCertificates(
  web: ControlConfig['web'],
  authority: ControlAuthority,
  nowMs: () => number,
): Promise<WebCertificates> {
  if (web?.kind === 'files') {
    const files = fileContexts(web.certificateFile, web.keyFile, nowMs)
    // A mistake in the files is told at the start, not to the first visitor.
    await files.contextFor('')
    return files
  }
  const kept = new Map<string, Promise<Kept>>()
  return {
    list: () => [],
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

function fileContexts(certificateFile: string, keyFile: string, nowMs: () => number): WebCertificates {
  let current: { readonly context: SecureContext; readonly stamp: string; readonly lookedAtMs: number } | undefined
  return {
    list: () => [],
    contextFor: async () => {
      if (current && nowMs() - current.lookedAtMs < LOOK_AGAIN_MS) return current.context
      try {
        const stamps = await Promise.all([stat(certificateFile), stat(keyFile)])
        const stamp = stamps.map(({ mtimeMs, ino }) => `${mtimeMs} ${ino}`).join()
        if (current?.stamp !== stamp) {
          const [cert, key] = await Promise.all([readFile(certificateFile), readFile(keyFile)])
          current = { context: createSecureContext({ ...browserDoorTls, cert, key }), stamp, lookedAtMs: nowMs() }
        }
      } catch (cause) {
        // While files are being replaced the two may not match: the pair in use goes on being used.
        if (!current) throw new Fault('configuration-invalid', { hint: 'The web certificate cannot be used.', cause })
      }
      current = { ...current, lookedAtMs: nowMs() }
      return current.context
    },
  }
}
