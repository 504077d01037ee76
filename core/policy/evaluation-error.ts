// What goes wrong while a policy is evaluated: a type error, a missing attribute, an overflow. It drops that policy
// and is reported; it must never leave `evaluate`. Deliberately not an `Error`: capturing a stack costs more than
// the whole decision, and an attacker can cause many.
export class EvaluationError {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

export function failEvaluation(message: string): never {
  // oxlint-disable-next-line no-throw-literal typescript/only-throw-error -- see above
  throw new EvaluationError(message)
}
