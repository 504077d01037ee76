// Sign-in events for the journal (OCSF 3002). Must never carry what a person typed into a field: a password typed
// into the name field would be kept for years. Only users that exist are named.
import { randomUUID } from 'node:crypto'
import { journalEvent } from '#core/events/event.ts'
import type { SignInDeps } from '#control/sign-in-seam.ts'

export type SignInMethod = 'password' | 'code' | 'passkey' | 'provider' | 'invitation' | 'session'

type EventUser = { readonly id: string; readonly name: string }

export type SignInEvents = {
  readonly signedIn: (facts: SignedIn) => Promise<void>
  readonly refused: (facts: Refused) => Promise<void>
  readonly signedOut: (facts: SignedOut) => Promise<void>
  readonly credentialChanged: (facts: CredentialChanged) => Promise<void>
}
type Where = { readonly tenantId: string; readonly ip: string }
export type SignedIn = Where & {
  readonly user: EventUser
  readonly method: SignInMethod
  readonly factors: readonly string[]
  readonly providerName?: string | undefined
}
export type Refused = Where & {
  readonly user?: EventUser | undefined
  readonly method: SignInMethod
  readonly reason: string
  readonly providerName?: string | undefined
}
export type SignedOut = { readonly tenantId: string } & {
  readonly ip?: string
  readonly userId: string
  readonly userName: string
  readonly sessionId: string | null
  readonly reason: string
}
export type CredentialChanged = Where & { readonly user: EventUser; readonly change: string }

export function createSignInEvents({ recordEvent, nowMs }: Pick<SignInDeps, 'recordEvent' | 'nowMs'>): SignInEvents {
  const about = (tenantId: string) => ({ uid: randomUUID(), timeMs: nowMs(), tenantId })
  const named = (user: EventUser) => ({ uid: user.id, name: user.name })
  return {
    signedIn: ({ tenantId, ip, user, method, factors, providerName }) =>
      recordEvent(
        tenantId,
        journalEvent('authentication', 'signIn', {
          ...about(tenantId),
          outcome: 'success',
          user: named(user),
          source: { ip },
          factors,
          message: 'signed in',
          extra: { method, ...(providerName !== undefined && { identity_provider: providerName }) },
        }),
      ),
    refused: ({ tenantId, ip, user, method, reason, providerName }) =>
      recordEvent(
        tenantId,
        journalEvent('authentication', 'signIn', {
          ...about(tenantId),
          outcome: 'failure',
          severity: 2,
          ...(user && { user: named(user) }),
          source: { ip },
          message: 'sign-in refused',
          extra: { method, reason, ...(providerName !== undefined && { identity_provider: providerName }) },
        }),
      ),
    signedOut: ({ tenantId, ip, userId, userName, sessionId, reason }) =>
      recordEvent(
        tenantId,
        journalEvent('authentication', 'signOut', {
          ...about(tenantId),
          outcome: 'success',
          user: { uid: userId, name: userName },
          sessionId,
          ...(ip !== undefined && { source: { ip } }),
          message: 'signed out',
          extra: { reason },
        }),
      ),
    credentialChanged: ({ tenantId, ip, user, change }) =>
      recordEvent(
        tenantId,
        journalEvent('authentication', 'other', {
          ...about(tenantId),
          outcome: 'success',
          severity: 2,
          user: named(user),
          source: { ip },
          message: 'credential changed',
          extra: { change },
        }),
      ),
  }
}
