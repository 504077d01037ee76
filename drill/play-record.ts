// What was seen while a drill was played; the report is made of it.
export type Finding = {
  readonly atMs: number
  readonly kind: string
  readonly sentence: string
  readonly subject: string
}

export type Receipts = {
  readonly receipts: readonly { readonly exchangeId: string; readonly cutFlows: number }[]
  readonly missing: readonly string[]
}

export type PlayRecord = {
  readonly timeline: { atMs: number; text: string }[]
  readonly visits: { actor: string; app: string; done: boolean; reason: string; atMs: number; hostile: boolean }[]
  readonly injects: { to: string; text: string; within: string; answeredMs: number | null }[]
  firstHostileMs: number | undefined
  readonly seen: Map<string, Finding>
  /** Calls that contain, when they were made: by the clock, and on that of `performance`. */
  readonly decided: { readonly atMs: number; readonly calledMs: number; effect: Receipts | undefined }[]
  readonly contained: Map<
    string,
    {
      readonly lastByteMs: readonly number[]
      readonly residual: readonly string[]
      readonly effect: Receipts
      readonly ownFlows: number
    }
  >
}
