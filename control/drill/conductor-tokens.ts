// Tokens of conductors: kept in memory alone, good for one person's rights until their drill is over. Must never be written
// down, and never outlive the process: a drill whose conductor is gone is undone anyway.
import { hashSecret } from '#control/api/principal.ts'
import { newToken } from '#control/api/handlers/administration.ts'
import { Fault } from '#core/fault.ts'
import { caps } from '#control/caps.ts'

export const CONDUCTOR_TOKEN_PREFIX = 'sp_cnd'

export type ConductorRight = { readonly tenantId: string; readonly userId: string; readonly expiresAtMs: number }

export class ConductorTokens {
  readonly #rights = new Map<string, ConductorRight>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Throws Fault `at-capacity`. */
  give(right: ConductorRight): string {
    for (const [hash, { expiresAtMs }] of this.#rights) if (expiresAtMs <= this.#nowMs()) this.#rights.delete(hash)
    if (this.#rights.size >= caps.conductorTokens.default) throw new Fault('at-capacity')
    const token = newToken(CONDUCTOR_TOKEN_PREFIX)
    this.#rights.set(hashSecret(token), right)
    return token
  }

  /** By hash: how long the look-up takes says nothing about the token. */
  rightOf(token: string): ConductorRight | undefined {
    const right = this.#rights.get(hashSecret(token))
    return right && right.expiresAtMs > this.#nowMs() ? right : undefined
  }

  takeBack(token: string): void {
    this.#rights.delete(hashSecret(token))
  }
}
