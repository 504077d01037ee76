// Sign-in as control starts it: makes the parts, serves the three hosts, and keeps house (expired rows, groups).
// Must never keep a timer or a provider alive after close.
import type { IncomingMessage } from 'node:http'
import type { EndReason, SignIn, SignInDeps } from '#control/sign-in-seam.ts'
import { createConsoleAuth } from '#control/portal/console-auth.ts'
import { createHandOff } from '#control/portal/hand-off.ts'
import { createPortalHandler } from '#control/portal/portal.ts'
import { verifyAccessToken, type AccessFacts } from './access-token.ts'
import { createAccounts } from './accounts.ts'
import { signInAddresses } from './addresses.ts'
import { createBackChannelLogout } from './back-channel-logout.ts'
import { caps } from './caps.ts'
import { createSignInEvents } from './events.ts'
import { refreshGroups } from './group-refresh.ts'
import { createIdHandler } from './id-handler.ts'
import { makeInvitation } from './invitation.ts'
import { createLogins } from './logins.ts'
import { createOidcModels } from './oidc-adapter.ts'
import { createOneTime } from './one-time.ts'
import { createPasskeys } from './passkeys.ts'
import { createPasswords } from './password.ts'
import type { SignInParts } from './parts.ts'
import { createRealms } from './realm.ts'
import { createBuckets, createThrottle } from './throttle.ts'
import { createUpstreams } from './upstream.ts'

/** What the seam does not name and a caller may give. */
export type SignInOptions = {
  /** Address of the person's machine, where a relay stands between; default: the socket's. */
  readonly clientIp?: (request: IncomingMessage) => string
  /** All active tenants, for group refresh and house-keeping; default: those that were visited since start. */
  readonly tenantIds?: () => Promise<readonly string[]>
  /** Default caps.sweepMs; 0: no rounds, the caller runs `keepHouse` itself. */
  readonly roundMs?: number
}

/** What the seam does not name and a caller may use. */
export type SignInMore = {
  readonly verifyAccessToken: (token: string) => Promise<AccessFacts | null>
  /** After deviceSignIn: the refresh token then ends with it. */
  readonly bindSession: (tenantId: string, grantId: string, sessionId: string) => Promise<void>
  /** Ends a session with the provider session and refresh tokens behind it. */
  readonly endSession: (tenantId: string, sessionId: string, reason: EndReason) => Promise<void>
  readonly keepHouse: () => Promise<void>
}

export async function createSignIn(
  deps: SignInDeps,
  options: SignInOptions = {},
): Promise<Omit<SignIn, 'verifyAccessToken'> & SignInMore> {
  const addresses = signInAddresses(deps.config)
  const oneTime = createOneTime(deps)
  const accounts = createAccounts(deps)
  const logins = createLogins(deps, (tenantId) => createOidcModels(tenantId, deps))
  const realms = createRealms(deps, addresses, logins)
  const parts: SignInParts = {
    deps,
    addresses,
    realms,
    oneTime,
    accounts,
    logins,
    passwords: createPasswords(),
    passkeys: createPasskeys(addresses, accounts, oneTime),
    throttle: createThrottle(deps.nowMs),
    visits: createBuckets(
      { burst: caps.visitTries.default, refillMs: caps.visitRefillMs.default },
      deps.nowMs,
      caps.buckets.default,
    ),
    events: createSignInEvents(deps),
    slowedEvents: createBuckets(
      { burst: caps.slowedEvents.default, refillMs: caps.slowedEventRefillMs.default },
      deps.nowMs,
      caps.buckets.default,
    ),
    upstreams: createUpstreams(deps.nowMs),
    clientIp: options.clientIp ?? ((request) => request.socket.remoteAddress ?? '0.0.0.0'),
  }
  const handOff = createHandOff(parts)
  const consoleAuth = createConsoleAuth(parts, handOff)

  async function keepHouse(): Promise<void> {
    const tenantIds = (await options.tenantIds?.()) ?? realms.seenTenantIds()
    for (const tenantId of tenantIds) {
      await oneTime.sweep(tenantId)
      await createOidcModels(tenantId, deps).sweep()
      await logins.sweep(tenantId)
    }
    await refreshGroups(parts, tenantIds)
  }
  let round: Promise<void> = Promise.resolve()
  let isResting = true
  const roundMs = options.roundMs ?? caps.sweepMs.default
  const timer =
    roundMs > 0
      ? setInterval(() => {
          if (!isResting) return
          isResting = false
          round = keepHouse()
            .catch((error: unknown) => deps.log('sign-in could not keep house', { error: String(error) }))
            .finally(() => {
              isResting = true
            })
        }, roundMs)
      : undefined
  timer?.unref()

  const destroy = () => {
    clearInterval(timer)
    realms.close()
  }
  return {
    idHandler: createIdHandler(parts, createBackChannelLogout(parts)),
    portalHandler: createPortalHandler(parts, handOff),
    consoleAuthHandler: consoleAuth.handler,
    consoleSession: consoleAuth.session,
    redeemCode: handOff.redeemForApp,
    verifyAccessToken: (token) => verifyAccessToken(parts, token),
    makeInvitation: (tenantId, userId, seconds) => makeInvitation(parts, tenantId, userId, seconds),
    forgetUser: async (tenantId, userId) => {
      await logins.endOfUser(tenantId, userId)
      await oneTime.removeOfUser(tenantId, userId)
      await accounts.remove(tenantId, userId)
    },
    endUserSessions: (tenantId, userId) => logins.endOfUser(tenantId, userId),
    bindSession: logins.bindSession,
    endSession: logins.endSession,
    keepHouse,
    close: async () => {
      destroy()
      let patience: NodeJS.Timeout | undefined
      const enough = new Promise<void>((resolve) => {
        patience = setTimeout(resolve, caps.drainMs.default)
      })
      await Promise.race([round, enough])
      clearTimeout(patience)
    },
    destroy,
  }
}
