// How control has a drill played: the conductor runs beside it and speaks to the API as whoever asked. Must never be given
// more than that: a name for the tenant, a token that ends with the drill, and where the API is.
import type { Scenario } from '#core/drill/scenario.ts'

export type PlayOrder = {
  readonly tenant: string
  readonly token: string
  /** `https://api.<domain>:port`, and the address of this machine behind it. */
  readonly server: string
  readonly dial: string
  /** Null: a public authority. */
  readonly caPem: string | null
  readonly scenario: Scenario
}

export type ConductorPort = {
  /** Resolves when the drill has begun; it is played to its end after that. Throws Faults as starting a drill does. */
  readonly play: (order: PlayOrder) => Promise<{ readonly drillId: string }>
}
