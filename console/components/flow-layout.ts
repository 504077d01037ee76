// Sums live flows to what the picture can show: the busiest people and apps by name, the rest as one line each side.
// Pure, so that 50,000 flows are a test and not a hope.
import type { LiveFlow } from '#core/wire/feed.ts'

export type PictureNode = {
  readonly key: string
  readonly name: string | null
  readonly flows: number
  readonly others: number
}
export type PictureLink = { readonly person: string; readonly app: string; readonly flows: number }
export type FlowPictureData = {
  readonly people: readonly PictureNode[]
  readonly apps: readonly PictureNode[]
  readonly links: readonly PictureLink[]
  readonly peopleTotal: number
  readonly appsTotal: number
  readonly exchanges: readonly string[]
}

// A space cannot be in a name, so these never meet one.
export const REST = ' rest'

export function summarizeFlows(
  flows: readonly Pick<LiveFlow, 'userName' | 'appName' | 'exchangeId'>[],
  maxNames: number,
): FlowPictureData {
  const people = new Map<string, number>()
  const apps = new Map<string, number>()
  const pairs = new Map<string, Map<string, number>>()
  const exchanges = new Set<string>()
  for (const { userName, appName, exchangeId } of flows) {
    people.set(userName, (people.get(userName) ?? 0) + 1)
    apps.set(appName, (apps.get(appName) ?? 0) + 1)
    exchanges.add(exchangeId)
    let of = pairs.get(userName)
    if (!of) pairs.set(userName, (of = new Map()))
    of.set(appName, (of.get(appName) ?? 0) + 1)
  }
  const peopleNodes = busiest(people, maxNames)
  const appNodes = busiest(apps, maxNames)
  const namedPeople = new Set(peopleNodes.map((node) => node.key))
  const namedApps = new Set(appNodes.map((node) => node.key))
  const links = new Map<string, PictureLink>()
  for (const [userName, of] of pairs) {
    const person = namedPeople.has(userName) ? userName : REST
    for (const [appName, count] of of) {
      const app = namedApps.has(appName) ? appName : REST
      const key = JSON.stringify([person, app])
      links.set(key, { person, app, flows: (links.get(key)?.flows ?? 0) + count })
    }
  }
  return {
    people: peopleNodes,
    apps: appNodes,
    links: [...links.values()],
    peopleTotal: people.size,
    appsTotal: apps.size,
    exchanges: [...exchanges].sort(),
  }
}

function busiest(counts: ReadonlyMap<string, number>, maxNames: number): PictureNode[] {
  const ordered = [...counts].sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1))
  const named = ordered.length <= maxNames + 1 ? ordered : ordered.slice(0, maxNames)
  const rest = ordered.slice(named.length)
  const nodes: PictureNode[] = named.map(([name, flows]) => ({ key: name, name, flows, others: 0 }))
  if (rest.length > 0)
    nodes.push({ key: REST, name: null, flows: rest.reduce((sum, [, n]) => sum + n, 0), others: rest.length })
  return nodes
}

/** Width of a ribbon in pixels: grows with the logarithm, so that 1 and 10,000 flows both can be seen. */
export function ribbonWidth(flows: number): number {
  return Math.min(16, 1.5 + Math.log2(Math.max(1, flows)) * 1.6)
}
