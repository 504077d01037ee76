// What a journal is given and what it tells: configuration, dependencies, problems, standing. Must never hold behaviour.
import type { TenantId } from '#core/ids.ts'
import type { JournalCaps } from './caps.ts'
import type { Disk } from './disk.ts'
import type { ChainPlace } from './layout.ts'
import type { JournalKey, JournalSigner } from './statement.ts'

export type JournalConfig = {
  readonly root: string
  /** Name of this writer: `control`, or an exchange's id. Lower case, digits, `_`, `-`; at most 48 characters. */
  readonly writer: string
  readonly caps?: Partial<JournalCaps>
}

export type JournalDeps = {
  readonly signer: JournalSigner
  /** Public keys that count at recovery: this writer's own, and a custodian's if it removes here. */
  readonly keys: readonly JournalKey[]
  /** Told of everything that went wrong and was handled; must not throw. */
  readonly report: (problem: JournalProblem) => void
  readonly nowMs?: () => number
  readonly monotonicMs?: () => number
  readonly disk?: Disk
}

export type JournalProblem = {
  readonly kind:
    | 'torn-cut'
    | 'chain-corrupt'
    | 'epoch-ended'
    | 'checkpoint-failed'
    | 'shipping-refused'
    | 'shipping-failed'
    | 'record-refused'
    | 'staged-lost'
  readonly tenant: TenantId
  readonly writer: string
  readonly detail: Readonly<Record<string, unknown>>
}

export type JournalStatus = {
  readonly chains: number
  readonly openSegments: number
  /** Bytes of this writer's segments on disk. */
  readonly bytes: number
  readonly maxBytes: number
  readonly problems: Readonly<Record<JournalProblem['kind'], number>>
}

/** A chain of this writer, past epochs included, and how far it is on the disk. */
export type ChainStand = ChainPlace & { readonly durableSequence: number; readonly isCurrent: boolean }
