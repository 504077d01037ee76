// Why a request on its way to or from the internet was stopped, as a value that pages, programs and the journal are told
// alike. Must never carry content, nor anything that a site said.
import type { DenyReason } from '#core/policy/decide.ts'
import type { FaultCode } from '#core/fault.ts'
import { Fault } from '#core/fault.ts'
import type { CertificateProblem } from './origin-certificate.ts'

export type VerdictKind = 'malicious' | 'sensitive' | 'unscannable' | 'partial'

export type Stop =
  | { readonly kind: 'denied'; readonly reason: DenyReason }
  | { readonly kind: 'coach'; readonly text: string; readonly policy: string }
  | { readonly kind: 'certificate'; readonly problems: readonly CertificateProblem[]; readonly mayGoOn: boolean }
  | {
      readonly kind: 'content'
      readonly verdict: VerdictKind
      readonly direction: 'upload' | 'download'
      /** Types of findings or the reason of a gap: our own words, never content. */
      readonly why: readonly string[]
      readonly mayGoOn: boolean
    }
  /** A page that was judged, in one sentence of ours. */
  | { readonly kind: 'phishing'; readonly reason: string }
  | { readonly kind: 'client-certificate' }
  | { readonly kind: 'failed'; readonly code: FaultCode }

/** What a "continue" is for; `undefined`: nobody may go on. */
export function topicOf(stop: Stop): string | undefined {
  switch (stop.kind) {
    case 'coach':
      return `policy:${stop.policy}`
    case 'certificate':
      return stop.mayGoOn ? CERTIFICATE_TOPIC : undefined
    case 'content':
      return stop.mayGoOn ? verdictTopic(stop.verdict) : undefined
    case 'denied':
    case 'phishing':
    case 'client-certificate':
    case 'failed':
      return undefined
  }
}

export const CERTIFICATE_TOPIC = 'certificate'

export function verdictTopic(verdict: VerdictKind): string {
  return `verdict:${verdict}`
}

/** The one word that programs and the journal get. */
export function reasonOfStop(stop: Stop): string {
  switch (stop.kind) {
    case 'denied':
      return stop.reason
    case 'coach':
      return 'reason-needed'
    case 'certificate':
      return 'certificate-untrusted'
    case 'content':
      return `content-${stop.verdict}`
    case 'phishing':
      return 'phishing'
    case 'client-certificate':
      return 'client-certificate'
    case 'failed':
      return stop.code
  }
}

/** A stop on its way through code that speaks in faults. */
export function faultOfStop(stop: Stop): Fault {
  return new Fault('not-permitted', { detail: { stop } })
}

export function stopOfFault(fault: Fault): Stop {
  const { stop } = fault.detail
  // Only `faultOfStop` puts it there.
  if (typeof stop === 'object' && stop !== null && 'kind' in stop) return stop as Stop
  if (fault.code === 'destination-refused') return { kind: 'denied', reason: 'destination-refused' }
  return isCertificateRequired(fault) ? { kind: 'client-certificate' } : { kind: 'failed', code: fault.code }
}

/** TLS 1.3 alert 116: the site wants a certificate of the person, which only their own program has. */
export function isCertificateRequired(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && String(at.code) === 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED') return true
  }
  return false
}
