// What an exchange counts, for whoever watches it. Must never name a tenant or a person.
import type { Counter } from '#exchange/context.ts'

export type ExchangeMetrics = Readonly<Record<Counter, number>> & {
  readonly connections: number
  readonly liveFlows: number
  readonly parked: number
  readonly links: number
  readonly tenants: number
  readonly isFeedConnected: boolean
}

export function newCounts(): Record<Counter, number> {
  return { refused: 0, denied: 0, flows: 0, requests: 0, cut: 0, eventsLost: 0, intercepted: 0, passed: 0 }
}
