// What the lake says about recorded decisions: equal inputs collapsed to classes with counts, so that a proposed policy
// set can be asked about each class once. Must never guess: inputs that were not recorded, or not in a form that we
// know, are null.
import type { TenantId } from '#core/ids.ts'
import type { AuthorizationFacts } from '#core/policy/decide.ts'

/** What policy was asked at the time, exactly as the exchange journalled it. */
export type RecordedInputs = AuthorizationFacts

/** Inputs by which decisions can be told apart, beyond user, action, resource, and whether device and http are known. */
export const inputDimensions = [
  'session.factors',
  'session.ageSeconds',
  'session.door',
  'device.id',
  'device.posture',
  'device.os',
  'ip',
  'time.nowMs',
  'time.hour',
  'time.weekday',
  'risk',
  'approved',
  'http.method',
  'http.path',
  'http.host',
] as const
export type InputDimension = (typeof inputDimensions)[number]

/** Dimensions whose values have an order, so that intervals of it can make classes. */
export type BreakDimension = 'session.ageSeconds' | 'time.nowMs' | 'risk'

export type DecisionClassesQuery = {
  readonly tenant: TenantId
  /** Milliseconds since 1970 by the clock of the exchange: from, included. */
  readonly sinceMs: number
  /** … and until, not included. */
  readonly untilMs: number
  /**
   * Which inputs make a class of their own. A class's answer under some policies holds for every decision in it exactly
   * when these name each input that the policies read. Default: all of them, which is exact for any policies and
   * collapses little, because `time.nowMs` is among them.
   */
  readonly distinguish?: readonly InputDimension[]
  /**
   * For ordered inputs that are not distinguished: ascending values b; one class for each interval below b0, from b0 to
   * below b1, … Exact for policies that compare the input with these values only (`x < b` and `x >= b`; for `x <= b`
   * and `x > b` name b + 1).
   */
  readonly breaks?: Readonly<Partial<Record<BreakDimension, readonly number[]>>>
  /** Only these; default: every decision. */
  readonly users?: readonly string[]
  readonly apps?: readonly string[]
}

export type DecisionClass = {
  /**
   * The inputs of the newest decision of the class: equal in all that was distinguished, an example in the rest.
   * null: not recorded, or recorded in a form that this version does not know; what it would be now is unknown.
   */
  readonly inputs: RecordedInputs | null
  /** true: inputs were recorded, in a form that this version does not know. */
  readonly isForeign: boolean
  readonly outcome: 'allow' | 'deny'
  readonly reason: string | null
  /** Names of the policies that decided then. */
  readonly policies: readonly string[]
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  /** As the event named them; `groups` is empty where the event did not say. */
  readonly user: {
    readonly uid: string
    readonly name: string
    readonly org: string | null
    readonly groups: readonly string[]
  } | null
  readonly app: { readonly uid: string; readonly name: string } | null
}

/** What `openLake` gives to whoever replays. Batches are bounded; the order of classes is not promised. */
export type DecisionSource = {
  readonly decisionClasses: (
    query: DecisionClassesQuery,
    signal: AbortSignal,
  ) => AsyncIterable<readonly DecisionClass[]>
}
