// What the header knows of the tenant's health, from the live stream.
import { useLook } from '#console/api/live-events.ts'
import { text } from '#console/messages/text.ts'
import { useTenant } from './who.ts'

export type Trouble = {
  readonly of: 'exchange' | 'connector' | 'app' | 'stream'
  readonly kind: 'warn' | 'deny'
  readonly words: string
}
const shownNames = 3
const some = (names: readonly string[]): string =>
  names.length > shownNames ? `${names.slice(0, shownNames).join(', ')} …` : names.join(', ')

export function useHealth() {
  const { look, state } = useLook(useTenant())
  const troubles: Trouble[] = []
  if (look !== null) {
    const { missing, exchanges, groupsAway, appsUnhealthy } = look.health
    if (missing.length > 0)
      troubles.push({ of: 'exchange', kind: 'deny', words: text.health.exchangesMissing(missing.length) })
    else if (exchanges === 0) troubles.push({ of: 'exchange', kind: 'deny', words: text.health.exchangesNone })
    if (groupsAway.length > 0)
      troubles.push({ of: 'connector', kind: 'deny', words: text.health.groupsAway(some(groupsAway)) })
    if (appsUnhealthy.length > 0)
      troubles.push({ of: 'app', kind: 'warn', words: text.health.appsBad(some(appsUnhealthy)) })
  }
  if (state === 'away') troubles.push({ of: 'stream', kind: 'warn', words: text.health.streams.away })
  return { look, state, troubles }
}
