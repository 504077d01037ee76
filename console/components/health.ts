// What the header knows of the tenant's health, from connectors as control sees them.
import { useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'
import { useTenant } from './who.ts'

export type Health = {
  readonly state: 'reading' | 'known' | 'unknown'
  readonly exchangesUp: number
  readonly exchangesMissing: number
  readonly connectors: number
  readonly connectorsUp: number
  /** Connector groups with no connector connected. */
  readonly groupsAway: readonly string[]
  readonly appsUnhealthy: readonly string[]
}
export type Trouble = {
  readonly of: 'exchange' | 'connector' | 'app'
  readonly kind: 'warn' | 'deny'
  readonly words: string
}

export function useHealth(): Health {
  const tenant = useTenant()
  const list = useRoute(
    'listConnectors',
    { params: { tenant }, query: { limit: 1000 } },
    { everyMs: caps.listEveryMs, keep: true },
  )
  const active = (list.data?.items ?? []).filter(({ status }) => status === 'active')
  const up = active.filter(({ connected }) => connected.length > 0)
  const groupsUp = new Set(up.map(({ group }) => group))
  return {
    state: list.data === undefined ? (list.isError ? 'unknown' : 'reading') : list.isError ? 'unknown' : 'known',
    exchangesUp: new Set(up.flatMap(({ connected }) => connected.map(({ exchangeId }) => exchangeId))).size,
    exchangesMissing: 0,
    connectors: active.length,
    connectorsUp: up.length,
    groupsAway: [...new Set(active.map(({ group }) => group))].filter((group) => !groupsUp.has(group)),
    appsUnhealthy: [...new Set(active.flatMap(({ unhealthyApps }) => unhealthyApps.map(({ app }) => app)))],
  }
}

export function troublesOf(health: Health): readonly Trouble[] {
  const { exchangesMissing, groupsAway, appsUnhealthy } = health
  const troubles: Trouble[] = []
  if (exchangesMissing > 0)
    troubles.push({ of: 'exchange', kind: 'deny', words: text.health.exchangesMissing(exchangesMissing) })
  if (groupsAway.length > 0)
    troubles.push({
      of: 'connector',
      kind: 'deny',
      words: text.health.groupsAway(groupsAway.slice(0, 3).join(', ')),
    })
  if (appsUnhealthy.length > 0)
    troubles.push({ of: 'app', kind: 'warn', words: text.health.appsBad(appsUnhealthy.length) })
  return troubles
}
