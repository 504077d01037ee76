// Ends this device's session at control, through an exchange, before the key that proves it is forgotten. Must never
// keep a person from signing out: what cannot be told is said, and the key goes all the same.
import { SIGN_OUT_PATH, signedOut } from '#core/wire/flow.ts'
import { asFault, Fault, type FaultCode } from '#core/fault.ts'
import { caps } from './caps.ts'
import { Exchanges } from './exchanges.ts'
import type { Profile } from './profile.ts'

export type SignOutEnd =
  | { readonly kind: 'ended' }
  /** It had ended before, or the device has none. */
  | { readonly kind: 'over' }
  /** It goes on until `expiresAt`, for whoever has a copy of the key. */
  | { readonly kind: 'untold'; readonly code: FaultCode; readonly expiresAt: string }

export async function signOut(profile: Profile): Promise<SignOutEnd> {
  const exchanges = new Exchanges(profile, { nowMs: Date.now })
  const deadline = AbortSignal.timeout(caps.signOutMs.default)
  try {
    const { status, body } = await exchanges.ask('POST', SIGN_OUT_PATH, {}, deadline)
    if (status === 401 || status === 403) return { kind: 'over' }
    const answer = signedOut.safeParse(body)
    if (status !== 200 || !answer.success) throw new Fault('wire-malformed')
    return { kind: answer.data.ended ? 'ended' : 'over' }
  } catch (error) {
    const code = deadline.aborted ? 'control-unreachable' : asFault(error).code
    return { kind: 'untold', code, expiresAt: new Date(profile.signedIn.sessionExpiresAt).toISOString() }
  } finally {
    await exchanges.close()
  }
}
