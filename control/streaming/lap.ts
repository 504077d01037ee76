// What every receiver is to the stream: a lap is begun, events are written into it, and it is finished. Only a finished
// lap moves the cursor: what is not finished is sent again.
export type Lap = {
  /** Resolves when more may be written. Rejects when the receiver is gone. */
  readonly write: (event: Readonly<Record<string, unknown>>, json: string) => Promise<void>
  /** Resolves once the receiver has everything, for sure. */
  readonly finish: () => Promise<void>
  /** Lets go of everything at once. */
  readonly abort: () => void
}

export type Receiver = {
  /** A lap is finished when it has so many events or bytes, or is so old. */
  readonly lap: { readonly events: number; readonly bytes: number; readonly ms: number }
  readonly begin: (signal: AbortSignal) => Promise<Lap>
}
