// What the lake's process can be asked, and the messages between it and its owner. Both ends are of one version: the
// owner starts the process from its own files. Must never carry a key that signs.
import { createPublicKey } from 'node:crypto'
import type { FaultCode } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import type { JournalKey } from '#journal/statement.ts'
import type { LakeCaps } from './caps.ts'
import type { ColdPage, ColdQuery } from './cold-view.ts'
import type { Compaction } from './compact.ts'
import type { CountQuery, Counts } from './count.ts'
import type { DecisionClassesQuery } from './decisions.ts'
import type { EventsPage, EventsQuery } from './query.ts'
import type { Removed, Sweep } from './retain.ts'
import type { TenantReport } from './verify.ts'

/** Given to the process when it starts. */
export type EngineConfig = {
  readonly folder: string
  readonly journalRoot: string | null
  readonly caps: LakeCaps
}

/** A public key of the journal, as text. */
export type KeyText = { readonly keyId: string; readonly writer: string | null; readonly pem: string }

export type CompactAnswer = Compaction & { readonly merged: number; readonly sweep: Sweep | null }

export type EngineCalls = {
  readonly events: (query: EventsQuery) => EventsPage
  readonly cold: (query: ColdQuery) => ColdPage
  readonly counts: (query: CountQuery) => Counts
  /** Today's day is not merged; `today` is the caller's clock. */
  readonly compact: (work: {
    readonly tenant: TenantId
    readonly keys: readonly KeyText[]
    readonly today: string
  }) => CompactAnswer
  readonly retain: (work: { readonly tenant: TenantId; readonly before: string }) => Removed
  readonly removeTenant: (work: { readonly tenant: TenantId }) => null
  readonly verify: (work: { readonly tenant: TenantId; readonly keys: readonly KeyText[] }) => TenantReport
}
export type CallName = keyof EngineCalls
export type Asked<N extends CallName> = Parameters<EngineCalls[N]>[0]
export type Answered<N extends CallName> = ReturnType<EngineCalls[N]>

export type ToEngine =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly name: CallName
      readonly asked: unknown
      readonly timeoutMs: number
    }
  | { readonly kind: 'classes'; readonly id: number; readonly query: DecisionClassesQuery; readonly timeoutMs: number }
  /** One more batch of classes, please. */
  | { readonly kind: 'more'; readonly id: number }
  | { readonly kind: 'abort'; readonly id: number }

export type FromEngine =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  /** As JSON text: half the work of handing over the objects. */
  | { readonly kind: 'batch'; readonly id: number; readonly classesJson: string }
  | { readonly kind: 'end'; readonly id: number }
  | {
      readonly kind: 'fault'
      readonly id: number
      readonly code: FaultCode
      readonly hint?: string | undefined
      readonly detail: Readonly<Record<string, unknown>>
    }

export function keyTexts(keys: readonly JournalKey[]): KeyText[] {
  return keys.map((key) => ({
    keyId: key.keyId,
    writer: key.kind === 'writer' ? key.writer : null,
    pem: key.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }))
}

export function keysOf(texts: readonly KeyText[]): JournalKey[] {
  return texts.map(({ keyId, writer, pem }) => {
    const publicKey = createPublicKey(pem)
    return writer === null ? { kind: 'custodian', keyId, publicKey } : { kind: 'writer', keyId, writer, publicKey }
  })
}
