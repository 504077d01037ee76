// Time-based one-time codes (RFC 6238): made, shown once at enrolment, verified. Must never accept a time step
// twice: the caller stores the step that is returned, and a step that is not later is refused.
import { Secret, TOTP } from 'otpauth'

export const TOTP_PERIOD_SECONDS = 30

export function newTotpSecret(): Uint8Array {
  return new Secret({ size: 20 }).bytes
}

export function totpUri(secret: Uint8Array, issuerLabel: string, userName: string): string {
  return totpOf(secret, issuerLabel, userName).toString()
}

/** The secret in base32 in groups of four, for typing. */
export function totpSecretText(secret: Uint8Array): string {
  return (secretOf(secret).base32.match(/.{1,4}/g) ?? []).join(' ')
}

/** The time step that `code` belongs to, one step of clock error either way; undefined when it is not valid. */
export function totpStep(secret: Uint8Array, code: string, nowMs: number, lastStep: number): number | undefined {
  const digits = code.replaceAll(/[\s-]/g, '')
  if (!/^\d{6}$/.test(digits)) return undefined
  const delta = totpOf(secret, '', '').validate({ token: digits, timestamp: nowMs, window: 1 })
  if (delta === null) return undefined
  const step = Math.floor(nowMs / 1000 / TOTP_PERIOD_SECONDS) + delta
  return step > lastStep ? step : undefined
}

export function totpCode(secret: Uint8Array, nowMs: number): string {
  return totpOf(secret, '', '').generate({ timestamp: nowMs })
}

function totpOf(secret: Uint8Array, issuer: string, label: string): TOTP {
  return new TOTP({
    issuer,
    label,
    algorithm: 'SHA1',
    digits: 6,
    period: TOTP_PERIOD_SECONDS,
    secret: secretOf(secret),
  })
}

function secretOf(bytes: Uint8Array): Secret {
  const copy = new Uint8Array(bytes)
  return new Secret({ buffer: copy.buffer })
}
