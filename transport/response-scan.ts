// What stands between an upstream's body and the client while the body is looked at. Must never give out a byte that is
// to wait for the verdict.
import type { Fault } from '#core/fault.ts'
import type { HeaderFields } from './forward-headers.ts'

export type ResponseScan = {
  /** How long the head may wait for the first bytes that leave; then it goes alone, so that a person sees something. */
  readonly patienceMs: number
  /** Called once, when the head goes out, with the fields that would go: what changes the body changes them too. */
  head?(fields: HeaderFields): HeaderFields
  /** Takes the next bytes; returns those that may leave now. */
  push(chunk: Buffer): readonly Uint8Array[]
  /** Set: nothing may be pushed before it resolves. */
  ready(): Promise<void> | undefined
  /** The body is whole: the rest of it, or why it may not leave. */
  end(): Promise<{ readonly kind: 'pass'; readonly rest: readonly Uint8Array[] } | ScanStop>
  /** Known before the end: nothing more may leave. */
  stopped(): ScanStop | undefined
  /** The body will not become whole. */
  abort(): void
}

export type ScanStop = { readonly kind: 'stop'; readonly fault: Fault }
