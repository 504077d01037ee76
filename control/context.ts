// What every part of the control plane is given. Must never hold a private key: those stay behind the authority.
import type { JournalEvent } from '#core/events/event.ts'
import type { Scenario } from '#core/drill/scenario.ts'
import type { Effect } from '#core/api/views.ts'
import type { FlowSum, LiveFlow } from '#core/wire/feed.ts'
import type { CheckResult, PolicyDocument } from '#cedar/check.ts'
import type { ControlAuthority } from './authority/authority.ts'
import type { Sealer } from './authority/key-encryption.ts'
import type { PlayOrder } from './drill/conductor-port.ts'
import type { ConductorTokens } from './drill/conductor-tokens.ts'
import type { LastSeen } from './directory/last-seen.ts'
import type { PublicCertificate } from './figures.ts'
import type { Mirrors } from './records/mirror.ts'
import type { SignIn, SignInConfig } from './sign-in-seam.ts'
import type { RunningDetection } from './stories/detection-port.ts'
import type { WhatIfPort } from './what-if/port.ts'
import type { Store } from './store/store.ts'

export type EventPage = {
  readonly items: readonly { readonly cursor: string; readonly writer: string; readonly event: JournalEvent }[]
  readonly next: string | null
}
export type EventQuery = {
  readonly limit: number
  readonly after?: string | undefined
  readonly fromMs?: number | undefined
  readonly untilMs?: number | undefined
  readonly fields: Readonly<Record<string, string | number>>
  readonly text?: string | undefined
}

/** The journal as control uses it; made from `journal/` in journal-port.ts. */
export type JournalPort = {
  /** On the disk when it returns. Throws Fault `journal-full`. */
  readonly record: (tenantId: string, event: JournalEvent) => Promise<void>
  readonly list: (tenantId: string, query: EventQuery) => Promise<EventPage>
  readonly follow: (
    tenantId: string,
    after: string | undefined,
    signal: AbortSignal,
  ) => AsyncIterable<{
    readonly cursor: string
    readonly writer: string
    readonly sequence: number
    readonly event: JournalEvent
  }>
  /** A cursor from which following gives what is written from now on. */
  readonly end: (tenantId: string) => Promise<string>
  /** The keys that exchanges sign their journals with have changed. */
  readonly keysChanged: () => Promise<void>
  /** Takes a batch of an exchange's journal; what it returns goes back as the acknowledgement. */
  readonly receive: (exchangeId: string, mayShip: (tenantId: string) => boolean, batch: unknown) => Promise<unknown>
}

export type ConnectorStatus = {
  readonly connectorId: string
  readonly exchangeId: string
  readonly sinceMs: number
  readonly liveFlows: number
  readonly parked: number
  readonly unhealthyApps: readonly { readonly appId: string; readonly detail: string }[]
}

/** What the API needs of the feed. */
export type FeedPort = {
  /** The truth at the deadline: which exchanges said that the change is in force, and which did not. */
  readonly awaitEffect: (tenantId: string, sequence: number, deadlineMs: number) => Promise<Effect>
  readonly listFlows: (
    tenantId: string,
    limit: number,
    deadlineMs: number,
  ) => Promise<{ readonly items: readonly LiveFlow[]; readonly total: number; readonly missing: readonly string[] }>
  /** All live flows as sums for each person and app; what moved is since the sums before. */
  readonly sumFlows: (
    tenantId: string,
    deadlineMs: number,
  ) => Promise<{
    readonly sums: readonly FlowSum[]
    readonly total: number
    readonly answered: number
    readonly missing: readonly string[]
  }>
  readonly connectorsOf: (tenantId: string) => readonly ConnectorStatus[]
  readonly isConnected: (exchangeId: string) => boolean
  readonly dropExchange: (exchangeId: string) => void
  readonly dropTenant: (tenantId: string) => void
  /** Marks exchanges and connectors that are connected at this moment. */
  readonly sawConnected: (seen: LastSeen) => Promise<void>
  /** A tenant was added, suspended or resumed: exchanges are told. */
  readonly tenantsChanged: () => void
}

export type CheckPolicies = (documents: readonly PolicyDocument[]) => Promise<CheckResult>

export type ControlContext = {
  readonly config: SignInConfig & { readonly providerId: string; readonly software: string }
  readonly store: Store
  readonly authority: ControlAuthority
  readonly sealer: Sealer
  readonly mirrors: Mirrors
  readonly journal: JournalPort
  readonly checkPolicies: CheckPolicies
  /** Absent where this installation runs without it. */
  readonly whatIf: WhatIfPort | null
  /** The library of drills that this installation ships. */
  readonly scenarios: readonly Scenario[]
  readonly nowMs: () => number
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  /** Set once both ends exist: the feed and sign-in are themselves given this context. */
  readonly links: {
    feed?: FeedPort
    signIn?: SignIn
    lastSeen?: LastSeen
    detection?: RunningDetection
    certificates?: () => readonly PublicCertificate[]
    /** Absent where drills are played by `sallyport drill run` alone. */
    conductor?: (order: Pick<PlayOrder, 'tenant' | 'token' | 'scenario'>) => Promise<{ readonly drillId: string }>
    conductorTokens?: ConductorTokens
  }
}
