// What a handler of the API is given, and what it gives back: the types by which the compiler checks every handler
// against the contract.
import type { BodyOf, QueryOf, ReplyOf, Route } from '#core/api/route.ts'
import type { routes, RouteName } from '#core/api/routes.ts'
import type { Effect } from '#core/api/views.ts'
import type { ControlContext } from '#control/context.ts'
import type { TenantStore } from '#control/store/store.ts'
import type { Principal } from './principal.ts'

export type ApiContext = ControlContext & {
  /** Aborts when control stops: what never ends by itself ends then. */
  readonly stopping: AbortSignal
  /** Where exchanges dial the feed: host:port; null: `feed.<domain>` and the public port. */
  readonly feedAddress: string | null
  /** Key of the authority behind the API host, for enrolment tokens; null: public roots decide. */
  readonly enrolmentPin: string | null
}

type Asked<R extends Route> = {
  readonly context: ApiContext
  readonly params: Readonly<Record<string, string>>
  readonly query: QueryOf<R>
  readonly body: BodyOf<R>
  readonly ip: string
  /** Aborts when the client is gone or the deadline is over. */
  readonly signal: AbortSignal
}

export type Recorded = {
  readonly target: string
  readonly resourceKind?: string
  /** Where the name of the route would say what nobody is to know yet; what has happened is told later. */
  readonly operation?: string
  /** Names only, never secrets or values that may hold them. */
  readonly details?: Readonly<Record<string, unknown>>
}

export type Call<R extends Route> = R['access'] extends 'public'
  ? Asked<R>
  : Asked<R> & {
      readonly principal: Principal
      /** The tenant of the principal, which is also the one in the path. */
      readonly tenantId: string
      readonly tenant: TenantStore
      /** Writes the act into the journal, on the disk when it returns. Every change must do so before it answers. */
      readonly record: (what: Recorded) => Promise<void>
      /** Waits for the exchanges; null: nothing that concerns them has changed. */
      readonly effect: (sequence: number | null) => Promise<Effect>
    }

type Answer<R extends Route> = R['stream'] extends true ? AsyncIterable<ReplyOf<R>> : ReplyOf<R>
export type Handler<N extends RouteName> = (call: Call<(typeof routes)[N]>) => Promise<Answer<(typeof routes)[N]>>
export type Handlers = { readonly [N in RouteName]: Handler<N> }
export type Some<N extends RouteName> = { readonly [K in N]: Handler<K> }
