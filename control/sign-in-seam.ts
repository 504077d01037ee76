// Where control and its sign-in part meet: what sign-in is given, and what it gives back. Types only.
// Must never let sign-in reach a table of another part except through these functions.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type * as z from 'zod'
import type { AppRecord } from '#core/records/app.ts'
import type { JournalEvent } from '#core/events/event.ts'
import type { HostCookie } from '#core/wire/grant.ts'
import type { AccessRequestView, decisionView } from '#core/api/views.ts'
import type { ResourceSpec } from '#core/resources/kinds.ts'
import type { Store } from './store/store.ts'

export type DecisionView = z.infer<typeof decisionView>

export type SignInConfig = {
  /** `id.<domain>`, `<tenant>.<domain>`, `console.<domain>`. */
  readonly domain: string
  readonly appsDomain: string
  /** Port in every URL shown to people; 443 is left out of URLs. */
  readonly publicPort: number
}

export type SignInTenant = {
  readonly id: string
  readonly name: string
  readonly displayName: string
  readonly status: 'active' | 'suspended'
  readonly isProvider: boolean
  readonly sessionSeconds: number
}

export type SignInUser = {
  readonly id: string
  readonly name: string
  readonly displayName: string
  readonly email: string | null
  /** `contained`: proves who they are as ever, and gets no further until the lease ends. */
  readonly status: 'active' | 'disabled' | 'contained'
  readonly identities: readonly { readonly issuer: string; readonly subject: string }[]
}

export type SignInProvider = ResourceSpec<'IdentityProvider'> & {
  readonly id: string
  readonly name: string
}

export type SessionDoor = 'browser' | 'agent' | 'console' | 'web'

export type NewSession = {
  readonly tenantId: string
  readonly userId: string
  readonly deviceId: string | null
  readonly door: SessionDoor
  /** RFC 8176 authentication method references. */
  readonly factors: readonly string[]
  readonly ip: string
  /** Held to the tenant's `sessionSeconds`; absent: that. */
  readonly expiresAtMs?: number
}

export type LiveSession = {
  readonly id: string
  readonly tenantId: string
  readonly userId: string
  readonly deviceId: string | null
  readonly door: SessionDoor
  readonly factors: readonly string[]
  readonly ip: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly lastSeenAtMs: number
}

/** Reasons are journalled; short kebab-case words. */
export type EndReason =
  | 'signed-out'
  | 'back-channel-logout'
  | 'administrator'
  | 'user-disabled'
  | 'credential-changed'
  | 'replaced'
  | 'not-me'
  | 'contained'

export type Sessions = {
  /** Stored, journalled and on its way to the exchanges when this returns. Fault `not-found` for user or tenant. */
  readonly create: (session: NewSession) => Promise<LiveSession>
  /** Undefined when it does not exist, has expired, or its user or tenant is not active. */
  readonly get: (tenantId: string, sessionId: string) => Promise<LiveSession | undefined>
  readonly list: (tenantId: string, userId: string) => Promise<readonly LiveSession[]>
  /** Idempotent; returns the change sequence to await, or null when there was nothing to end. */
  readonly end: (tenantId: string, sessionId: string, reason: EndReason) => Promise<number | null>
  readonly endOfUser: (tenantId: string, userId: string, reason: EndReason) => Promise<number>
  /** The person said, with another factor, that this is them. Fault `not-found` for another's session, `contained`. */
  readonly confirm: (
    tenantId: string,
    sessionId: string,
    proof: { readonly userId: string; readonly factors: readonly string[]; readonly ip: string },
  ) => Promise<void>
}

export type Directory = {
  readonly tenantByName: (name: string) => Promise<SignInTenant | undefined>
  readonly tenantById: (tenantId: string) => Promise<SignInTenant | undefined>
  /** The app whose browser host this is (lower case, no port), in any tenant; only enabled http apps. */
  readonly appByHost: (host: string) => Promise<{ readonly tenantId: string; readonly app: AppRecord } | undefined>
  readonly userByName: (tenantId: string, name: string) => Promise<SignInUser | undefined>
  readonly userById: (tenantId: string, userId: string) => Promise<SignInUser | undefined>
  readonly userByIdentity: (tenantId: string, issuer: string, subject: string) => Promise<SignInUser | undefined>
  /** Makes (issuer, subject) this user's; used by invitations. Fault `name-taken` when it is another user's. */
  readonly linkIdentity: (tenantId: string, userId: string, issuer: string, subject: string) => Promise<void>
  /** First sign-in where the provider has `createUsers`. Fault `name-taken` when the name is in use. */
  readonly createUser: (
    tenantId: string,
    user: {
      readonly name: string
      readonly displayName?: string
      readonly email?: string
      readonly issuer: string
      readonly subject: string
    },
  ) => Promise<SignInUser>
  /** Sets which of `mapped` (group names that the provider's mapping speaks about) the user is in. */
  readonly setMappedGroups: (
    tenantId: string,
    userId: string,
    mapped: readonly string[],
    memberOf: readonly string[],
  ) => Promise<void>
  /** Enabled identity providers, with their secrets. */
  readonly identityProviders: (tenantId: string) => Promise<readonly SignInProvider[]>
  /** Roles a user has; a provider administrator's role is in the provider tenant. */
  readonly rolesOf: (
    tenantId: string,
    userId: string,
  ) => Promise<readonly ('tenant-admin' | 'auditor' | 'provider-admin')[]>
}

/** What the portal shows a person. */
export type Portal = {
  readonly myApps: (
    tenantId: string,
    sessionId: string,
  ) => Promise<
    readonly {
      readonly name: string
      readonly displayName: string
      readonly kind: 'http' | 'tcp'
      readonly url: string | null
      readonly decision: DecisionView
    }[]
  >
  readonly requestAccess: (tenantId: string, userId: string, app: string, reason: string) => Promise<AccessRequestView>
  readonly accessRequests: (
    tenantId: string,
    userId: string,
  ) => Promise<{ readonly mine: readonly AccessRequestView[]; readonly toDecide: readonly AccessRequestView[] }>
  readonly decideAccessRequest: (
    tenantId: string,
    userId: string,
    requestId: string,
    decision: { readonly decision: 'approve'; readonly accessSeconds: number } | { readonly decision: 'refuse' },
  ) => Promise<AccessRequestView>
  /** Somebody else is at work in the name of this person, as they say: a story for the administrators. */
  readonly reportStranger: (tenantId: string, userId: string, from: { readonly ip: string }) => Promise<void>
  /** Public JWKs with which exchanges that serve this tenant sign assertions. */
  readonly assertionKeys: (tenantId: string) => Promise<readonly Readonly<Record<string, string>>[]>
}

export type SignInDeps = {
  readonly config: SignInConfig
  readonly store: Store
  readonly sessions: Sessions
  readonly directory: Directory
  readonly portal: Portal
  /** Durable when it returns; Fault `journal-full` otherwise. */
  readonly recordEvent: (tenantId: string, event: JournalEvent) => Promise<void>
  readonly signHostCookie: (payload: HostCookie) => Promise<string>
  readonly verifyHostCookie: (token: string) => Promise<HostCookie | null>
  /** Encrypts small secrets for the store under the key-encryption key; `context` must be the same to open. */
  readonly sealSecret: (plain: Uint8Array, context: string) => string
  readonly openSecret: (sealed: string, context: string) => Uint8Array
  readonly nowMs: () => number
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export type AccessTokenFacts = {
  readonly tenantId: string
  readonly userId: string
  /** A live session of the store; null for tokens that open one (deviceSignIn). */
  readonly sessionId: string | null
  readonly scopes: readonly string[]
  readonly factors: readonly string[]
  readonly expiresAtMs: number
  /** For `bindSession`, when the token opens a session. */
  readonly grantId: string
  /** When the sign-in behind the token ends at the latest. */
  readonly signInExpiresAtMs: number
}

export type ConsoleSession = { readonly tenantId: string; readonly userId: string; readonly sessionId: string }

export type RedeemedCode = {
  readonly cookie: string
  readonly tenantId: string
  readonly sessionId: string
  readonly expiresAtMs: number
}

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void

export type SignIn = {
  /** Serves `id.<domain>`. */
  readonly idHandler: NodeHandler
  /** Serves `<tenant>.<domain>`; the tenant is in `Host`, which equals the SNI when this is called. */
  readonly portalHandler: NodeHandler
  /** Serves `/auth/*` on `console.<domain>`: sign-in redirect, callback, sign-out. */
  readonly consoleAuthHandler: NodeHandler
  readonly verifyAccessToken: (token: string) => Promise<AccessTokenFacts | null>
  readonly consoleSession: (cookieHeader: string) => Promise<ConsoleSession | null>
  readonly redeemCode: (request: {
    readonly host: string
    readonly code: string
    readonly nonce: string
  }) => Promise<RedeemedCode>
  readonly makeInvitation: (
    tenantId: string,
    userId: string,
    expiresInSeconds: number,
  ) => Promise<{ readonly url: string; readonly expiresAtMs: number }>
  /** Forgets credentials, refresh tokens and provider sessions of a user or of a whole tenant. */
  readonly forgetUser: (tenantId: string, userId: string) => Promise<void>
  /** Ends refresh tokens and provider sessions of the user (sessions of the store are control's). */
  readonly endUserSessions: (tenantId: string, userId: string) => Promise<void>
  /** After deviceSignIn: the refresh token then ends with it. */
  readonly bindSession: (tenantId: string, grantId: string, sessionId: string) => Promise<void>
  /** Ends a session with the sign-in behind it: refresh tokens, provider session. */
  readonly endSession: (tenantId: string, sessionId: string, reason: EndReason) => Promise<void>
  readonly close: () => Promise<void>
  readonly destroy: () => void
}
