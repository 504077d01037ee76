// Exceptions of the product: each has a stable code from one table, a message fit for the outside, and
// internal detail kept apart from it. Must never put secrets or internal detail into `message`.

/** code → [HTTP status, public message]. The reference page of faults is made from this table. */
export const faultTable = {
  // what a caller did
  'request-malformed': [400, 'The request could not be read.'],
  'request-too-large': [413, 'The request is larger than allowed.'],
  'request-timeout': [408, 'The request did not arrive in time.'],
  'not-signed-in': [401, 'Sign in first.'],
  'token-invalid': [401, 'The token is unknown, used up or expired.'],
  'not-permitted': [403, 'Your role does not allow this.'],
  contained: [403, 'Access is stopped for safety while an incident is looked into; ask your security team.'],
  'not-found': [404, 'There is no such thing, or you may not see it.'],
  'name-taken': [409, 'The name is in use.'],
  'name-reserved': [422, 'The name is reserved.'],
  'still-referenced': [409, 'Something else still refers to this.'],
  'version-conflict': [409, 'It was changed by someone else in the meantime; read it again.'],
  'document-invalid': [422, 'The document is not valid.'],
  'policy-invalid': [422, 'The policy is not valid.'],
  'policy-test-failed': [422, 'A policy test does not hold; nothing was changed.'],
  'widening-unconfirmed': [409, 'This opens apps to outsiders or to everyone; confirm it, or have it approved.'],
  'what-if-unavailable': [503, 'This installation runs without the part that answers this.'],
  'reference-unknown': [422, 'It refers to something that does not exist.'],
  'last-administrator': [409, 'This would leave nobody who can administer the tenant.'],
  'rate-limited': [429, 'Too many attempts; wait and try again.'],
  'drill-unsafe': [409, 'The drill is refused: its identities could reach something real.'],
  'conductor-unavailable': [503, 'This installation plays no drills by itself; use `sallyport drill run`.'],
  'drill-running': [409, 'A drill is running in this tenant; only one can at a time.'],
  'origin-mismatch': [403, 'The request came from another site.'],
  // where a connection goes wrong
  'host-misdirected': [421, 'This connection is not for that host; open a new one.'],
  'wire-version': [426, 'The two parts have no protocol version in common; upgrade the older one.'],
  'wire-malformed': [400, 'A message between parts could not be read.'],
  'certificate-refused': [403, 'The certificate is not accepted here.'],
  'grant-refused': [403, 'The connector did not accept the grant for this flow.'],
  'ticket-refused': [403, 'The flow ticket is unknown, used or expired.'],
  'no-connector': [503, 'No connector for this app is connected.'],
  'upstream-unreachable': [502, 'The connector could not reach the app.'],
  'upstream-timeout': [504, 'The app did not answer in time.'],
  'upstream-malformed': [502, 'The app sent an answer that could not be read.'],
  'identity-provider-failed': [502, 'The identity provider did not answer as it should; try again, or another way.'],
  'control-unreachable': [503, 'The control plane cannot be reached at the moment.'],
  'exchange-unreachable': [503, 'No exchange can be reached at the moment.'],
  'snapshot-stale': [503, 'The policy on this exchange is too old to decide on.'],
  'snapshot-refused': [500, 'A snapshot was not authentic or older than the one in force.'],
  'at-capacity': [503, 'A limit of this exchange is reached; try again shortly.'],
  closing: [503, 'This part is shutting down.'],
  'destination-refused': [403, 'This address or port may not be reached from here.'],
  // keeping records
  'journal-full': [503, 'The event journal cannot be written, and this tenant requires it.'],
  'journal-corrupt': [500, 'The event journal does not verify.'],
  'store-failed': [500, 'The store did not accept the change.'],
  'lake-corrupt': [500, 'The lake holds something that does not verify.'],
  'lake-full': [503, 'The lake cannot be written.'],
  'lake-timeout': [503, 'The lake took longer than allowed; ask for less.'],
  'lake-unavailable': [503, 'The lake cannot answer at the moment.'],
  // starting up
  'configuration-invalid': [500, 'The configuration is not valid.'],
  'enrolment-refused': [403, 'Enrolment was refused.'],
  'address-in-use': [500, 'The address is in use by another program.'],
  internal: [500, 'Something went wrong on our side.'],
} as const satisfies Record<string, readonly [number, string]>

export type FaultCode = keyof typeof faultTable

export type FaultOptions = {
  /** What to add to the public message; must be fit for the outside. */
  readonly hint?: string
  /** For the log only: never shown to the outside. */
  readonly detail?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

export class Fault extends Error {
  readonly code: FaultCode
  readonly status: number
  readonly hint: string | undefined
  readonly #detail: Readonly<Record<string, unknown>>

  constructor(code: FaultCode, options: FaultOptions = {}) {
    const [status, text] = faultTable[code]
    super(options.hint === undefined ? text : `${text} ${options.hint}`, { cause: options.cause })
    this.name = 'Fault'
    this.code = code
    this.status = status
    this.hint = options.hint
    this.#detail = options.detail ?? {}
  }

  /** Internal detail, for logs. Not enumerable, so that it cannot reach a response by accident. */
  get detail(): Readonly<Record<string, unknown>> {
    return this.#detail
  }

  /** What the outside may see. */
  toJSON(): { readonly code: FaultCode; readonly message: string } {
    return { code: this.code, message: this.message }
  }
}

export function isFault(value: unknown, code?: FaultCode): value is Fault {
  return value instanceof Fault && (code === undefined || value.code === code)
}

/** The fault itself, or `internal` with the unknown error as cause. */
export function asFault(value: unknown): Fault {
  return value instanceof Fault ? value : new Fault('internal', { cause: value })
}
