// What is asked of the part that works out what-ifs, and what it answers: plain data, because it runs in a thread of its
// own or in another process.
import type { ProposalReport, ReachReport, ReplayReport } from '#core/api/policy-views.ts'
import type { TenantRecords } from '#core/records/records.ts'
import type { StatedContext } from '#core/resources/policy-test.ts'

export type WhatIfJob =
  | {
      readonly kind: 'replay'
      readonly tenantId: string
      readonly before: readonly TenantRecords[]
      readonly after: readonly TenantRecords[]
      readonly sinceMs: number
      readonly untilMs: number
    }
  | {
      readonly kind: 'reach'
      readonly before: readonly TenantRecords[]
      /** null: only what is in force. */
      readonly after: readonly TenantRecords[] | null
      readonly context: StatedContext
      readonly nowMs: number
    }
  | {
      readonly kind: 'propose'
      readonly tenantId: string
      readonly records: readonly TenantRecords[]
      readonly sinceMs: number
      readonly heldOutFromMs: number
      readonly untilMs: number
    }

export type WhatIfAnswer =
  | { readonly kind: 'replay'; readonly report: ReplayReport }
  | { readonly kind: 'reach'; readonly report: ReachReport }
  | { readonly kind: 'propose'; readonly report: ProposalReport }

export type WhatIfProgress = { readonly done: number; readonly words: string }
