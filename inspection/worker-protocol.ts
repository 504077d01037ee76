// What a worker is told and what it answers. Both sides are one source; nothing from outside reaches these types.
import type { BodyMeta, Verdict } from '#core/inspection/verdict.ts'
import type { BudgetLimits } from './unpack/budget.ts'

export type JobMeta = Pick<BodyMeta, 'contentType' | 'contentEncoding' | 'fileName' | 'wanted'>

export type ToWorker =
  | {
      readonly kind: 'body'
      readonly id: number
      /** Handed over with all of its memory. */
      readonly bytes: Uint8Array<ArrayBuffer>
      readonly meta: JobMeta
      readonly limits?: BudgetLimits
    }
  | { readonly kind: 'open'; readonly id: number }
  | { readonly kind: 'chunk'; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'drop'; readonly id: number }

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'taken'; readonly id: number }
  | {
      readonly kind: 'verdict'
      readonly id: number
      readonly verdict: Verdict
      /** What the body lay in, handed back. */
      readonly memory?: ArrayBuffer
    }
