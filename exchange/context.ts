// What the steps and doors of one exchange share. Holds nothing of its own; `server.ts` puts it together.
import type { Fault } from '#core/fault.ts'
import type { HopTimes } from '#core/wire/hops.ts'
import type { OwnIdentity } from '#exchange/certificates/own-identity.ts'
import type { AssertionKey } from '#exchange/certificates/own-keys.ts'
import type { Minted } from '#exchange/certificates/minted.ts'
import type { DoorContexts } from '#exchange/certificates/door-contexts.ts'
import type { ConnectorLinks } from '#exchange/doors/connector-links.ts'
import type { Feed } from '#exchange/feed/feed.ts'
import type { LiveFlows } from '#exchange/flows/live-flows.ts'
import type { Forward } from '#exchange/forward.ts'
import type { ExchangeJournal } from '#exchange/journal.ts'
import type { BrowserSessions } from '#exchange/identify.ts'
import type { TenantDirectory } from '#exchange/tenant/directory.ts'

export type Log = (message: string, fields?: Readonly<Record<string, unknown>>) => void

export type ExchangeContext = {
  readonly identity: () => OwnIdentity
  /** `host:port` of this exchange for agents and connectors. */
  readonly publicAddress: string
  readonly directory: TenantDirectory
  readonly links: ConnectorLinks
  readonly flows: LiveFlows
  readonly forward: Forward
  readonly journal: ExchangeJournal
  readonly feed: Feed
  readonly contexts: DoorContexts
  readonly minted: Minted
  readonly browserSessions: BrowserSessions
  /** Signs what apps are told about people. */
  readonly assertionKey: AssertionKey
  /** What control said last, in this run or an earlier one. */
  readonly welcome: () => { readonly publicPort: number; readonly exchanges: readonly string[] } | undefined
  /** Fetches what flows of a session will need, so that they open while control is away. Never waits, never fails. */
  readonly prepareSession: (tenantId: string, sessionId: string) => void
  readonly now: () => number
  readonly log: Log
  readonly isDraining: () => boolean
  readonly count: (what: Counter) => void
  /** Whoever measures and traces; absent: nobody. */
  readonly watch?: ((seen: Seen) => void) | undefined
  /** Decides on `traceparent` headers: none of a stranger's reaches an app. */
  readonly traceHeaders?: TraceHeaders | undefined
}

/** One connection that has come through to its app, or one http request that the app has begun to answer. */
export type Seen = {
  readonly kind: 'flow' | 'request'
  /** The flow, or for a request its lane. */
  readonly id: string
  /** Of the decision, in the journal. */
  readonly eventId: string
  readonly way: string
  readonly endedAtMs: number
  readonly hops: HopTimes
  /** W3C `traceparent` that a trusted peer has sent, or absent. */
  readonly traceparent?: string | undefined
}

/** What an app is told for one request; undefined: nothing. Given what came, and from where. */
export type TraceHeaders = (
  came: string | undefined,
  clientIp: string,
  eventId: string,
) => { readonly trusted: string | undefined; readonly forward: string | undefined }

export type Counter = 'refused' | 'denied' | 'flows' | 'requests' | 'cut' | 'eventsLost' | 'intercepted' | 'passed'

/** What a fault says to the outside and to the log. */
export function logFault(log: Log, where: string, fault: Fault): void {
  log(where, { code: fault.code, ...fault.detail })
}

/** `https://<label>.<domain>[:port]`, as people see it. */
export function portalOrigin(context: ExchangeContext, tenantName: string): string {
  const port = context.welcome()?.publicPort ?? 443
  return `https://${tenantName}.${context.directory.domains.domain}${port === 443 ? '' : `:${port}`}`
}
