// Everything that detection remembers, as plain data with fixed caps. Must never hold functions: a snapshot is one
// serialisation of it.
import { newTenant, type Tenant } from './tenant.ts'

export type SessionTrace = {
  readonly user: string
  readonly device: string
  readonly network: string
  readonly country: string
  lastMs: number
  lastNetwork: string
  atMs: number
}

export type SourceTrace = {
  /** Users who failed and who got in, as bits of a small table (linear counting). */
  readonly failed: Uint32Array
  readonly entered: Uint32Array
  tries: number
  sinceMs: number
  lastMs: number
  toldMs: number
  firstEvent: string
  /** Half an hour after which a story about the source is told, unless a user's story comes first; 0: none due. */
  dueMs: number
  noticedMs: number
  victim: string
  readonly events: string[]
}

export type Beat = { lastMs: number; count: number; mean: number; spread: number }

export type Presence = { user: string; atMs: number }

export type OrganisationTrace = {
  bucket: number
  expected: number
  atMs: number
  readonly people: { uid: string; atMs: number; edges: number }[]
  readonly apps: Map<string, number>
  readonly networks: Map<string, number>
}

export type Exception = {
  readonly id: string
  readonly subject: string
  /** A story kind, or '' for every kind. */
  readonly kind: string
  readonly untilMs: number
  readonly reason: string
}

export type DetectionState = {
  readonly tenant: Tenant
  readonly sessions: Map<string, SessionTrace>
  readonly sources: Map<string, SourceTrace>
  /** Sources whose story is not told yet: a few, where `sources` is thousands. */
  readonly spraying: Set<string>
  readonly destinations: Map<string, { users: number; day: number; lastUser: string }>
  readonly beats: Map<string, Beat>
  readonly presences: Map<string, Presence>
  readonly organisations: Map<string, OrganisationTrace>
  readonly exceptions: Map<string, Exception>
  /** Verdicts by story kind: how often each was true, and how often not. */
  readonly verdicts: Map<string, { wasTrue: number; wasOdd: number }>
  readonly failures: { today: number; usual: number }
  stories: number
  /** Stories that may still count as ordinary days. */
  allowance: number
  sequence: number
}

export function newState(): DetectionState {
  return {
    tenant: newTenant(),
    sessions: new Map(),
    sources: new Map(),
    spraying: new Set(),
    destinations: new Map(),
    beats: new Map(),
    presences: new Map(),
    organisations: new Map(),
    exceptions: new Map(),
    verdicts: new Map(),
    failures: { today: 0, usual: 0.2 },
    stories: 0,
    allowance: 0,
    sequence: 0,
  }
}
