// What the pages of sign-in and portal work with, made once at start and handed to each of them.
import type { IncomingMessage } from 'node:http'
import { Fault } from '#core/fault.ts'
import type { SignInDeps } from '#control/sign-in-seam.ts'
import type { Accounts } from './accounts.ts'
import type { SignInAddresses } from './addresses.ts'
import type { SignInEvents } from './events.ts'
import type { Logins } from './logins.ts'
import type { OneTime } from './one-time.ts'
import type { Passkeys } from './passkeys.ts'
import type { Passwords } from './password.ts'
import type { Realms } from './realm.ts'
import { sourceOf, type Buckets, type Throttle } from './throttle.ts'
import type { Upstreams } from './upstream.ts'

export type SignInParts = {
  readonly deps: SignInDeps
  readonly addresses: SignInAddresses
  readonly realms: Realms
  readonly oneTime: OneTime
  readonly accounts: Accounts
  readonly logins: Logins
  readonly passwords: Passwords
  readonly passkeys: Passkeys
  readonly throttle: Throttle
  /** Requests that make a row before anyone is known, per source. */
  readonly visits: Buckets
  readonly events: SignInEvents
  /** How many refusals for too many tries are journalled, per account. */
  readonly slowedEvents: Buckets
  readonly upstreams: Upstreams
  readonly clientIp: (request: IncomingMessage) => string
}

/** Takes one of the source's requests that make a row; Fault `rate-limited` when it has none left. */
export function spendVisit({ visits }: Pick<SignInParts, 'visits'>, { ip }: { readonly ip: string }): void {
  const source = sourceOf(ip)
  const waitMs = visits.waitMs(source)
  if (waitMs > 0) throw new Fault('rate-limited', { detail: { waitMs } })
  visits.take(source)
}
