// Certificates of our public names from two files, looked at again and again. Must never serve half of a new pair: while
// the files do not fit each other, the pair in use goes on, and it is said so.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import { Fault } from '#core/fault.ts'
import { browserDoorTls } from '#transport/tls-defaults.ts'
import { caps } from '#control/caps.ts'
import type { PublicCertificate } from '#control/figures.ts'

export type FileCertificates = {
  readonly contextFor: () => Promise<SecureContext>
  readonly list: () => readonly PublicCertificate[]
  /** Looks at the files now. */
  readonly look: () => Promise<void>
  readonly close: () => void
}

type Pair = {
  readonly text: string
  readonly context: SecureContext
  readonly names: string
  readonly notAfterMs: number
}

/** Throws Fault `configuration-invalid`: a mistake in the files is told at the start, not to the first visitor. */
export async function startFileCertificates(
  files: { readonly certificateFile: string; readonly keyFile: string },
  deps: {
    readonly nowMs: () => number
    readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  },
): Promise<FileCertificates> {
  let pair = await read(undefined).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Fault('configuration-invalid', { hint: `The web certificate cannot be used: ${why}`, cause })
  })
  let failures = 0
  let problem: string | null = null
  const timer = setInterval(() => void look(), caps.certificateLookMs.default)
  timer.unref()
  return {
    contextFor: async () => pair.context,
    list: () => [
      { name: pair.names, source: 'files', notAfterMs: pair.notAfterMs, failures, problem, nextAttemptMs: null },
    ],
    look,
    close: () => clearInterval(timer),
  }

  async function look(): Promise<void> {
    try {
      const found = await read(pair)
      if (found !== pair) deps.log('new web certificate in use', { until: new Date(found.notAfterMs).toISOString() })
      pair = found
      failures = 0
      problem = null
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      if (why !== problem) deps.log('the new web certificate cannot be used; the one before goes on', { why })
      failures++
      problem = why
    }
  }

  async function read(before: Pair | undefined): Promise<Pair> {
    const [certPem, keyPem] = await Promise.all([
      readFile(files.certificateFile, 'utf8'),
      readFile(files.keyFile, 'utf8'),
    ])
    // Content, not time stamps: some tools keep those, and links change without any.
    const text = `${certPem}\n${keyPem}`
    if (text === before?.text) return before
    const certificate = new X509Certificate(certPem)
    if (!certificate.checkPrivateKey(createPrivateKey(keyPem)))
      throw new Error('the key is not that of the certificate')
    const notAfterMs = certificate.validToDate.getTime()
    if (notAfterMs <= deps.nowMs()) throw new Error(`it ended at ${certificate.validToDate.toISOString()}`)
    return {
      text,
      context: createSecureContext({ ...browserDoorTls, cert: certPem, key: keyPem }),
      names: (certificate.subjectAltName ?? '').replaceAll('DNS:', '').slice(0, 200),
      notAfterMs,
    }
  }
}
