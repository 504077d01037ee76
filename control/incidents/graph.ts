// Who reached what, as a graph: people, their devices, the apps and hosts that they reached or were refused at.
import type { IncidentGraph } from '#core/api/incident-routes.ts'
import { caps } from '#control/caps.ts'
import { isAccess, type EventFacts } from './event-facts.ts'

type Node = { readonly id: string; readonly kind: 'user' | 'device' | 'app' | 'host'; readonly name: string }
type Edge = { from: string; to: string; count: number; refused: number; firstMs: number; lastMs: number }

export function graphOf(
  events: readonly EventFacts[],
  linked: ReadonlySet<string>,
  deviceName: (id: string) => string,
): IncidentGraph {
  const nodes = new Map<string, Node>()
  const edges = new Map<string, Edge>()
  const weight = new Map<string, number>()
  for (const facts of events) {
    const { user, app, host, deviceId } = facts
    if (!isAccess(facts) || user === null) continue
    const path: Node[] = [{ id: user.id, kind: 'user', name: user.name }]
    if (deviceId !== null) path.push({ id: deviceId, kind: 'device', name: deviceName(deviceId) })
    if (app !== null) path.push({ id: app.id, kind: 'app', name: app.name })
    else if (host !== null) path.push({ id: `host ${host}`, kind: 'host', name: host })
    else continue
    for (const [at, node] of path.entries()) {
      nodes.set(node.id, node)
      weight.set(node.id, (weight.get(node.id) ?? 0) + 1)
      const before = path[at - 1]
      if (before) join(edges, before.id, node.id, facts)
    }
  }
  const kept = [...nodes.values()].toSorted((a, b) => rank(b) - rank(a)).slice(0, caps.incidentNodes.default)
  const ids = new Set(kept.map(({ id }) => id))
  function rank({ id }: Node): number {
    return (linked.has(id) ? 1e12 : 0) + (weight.get(id) ?? 0)
  }
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    nodes: kept.map((node) => ({ ...node, isLinked: linked.has(node.id) })),
    edges: [...edges.values()]
      .filter(({ from, to }) => ids.has(from) && ids.has(to))
      .map(({ from, to, count, refused, firstMs, lastMs }) => ({
        from,
        to,
        count,
        refused,
        firstAt: iso(firstMs),
        lastAt: iso(lastMs),
      })),
    leftOut: nodes.size - kept.length,
  }
}

function join(edges: Map<string, Edge>, from: string, to: string, { atMs, isRefused }: EventFacts): void {
  const edge = edges.getOrInsertComputed(`${from} ${to}`, () => ({
    from,
    to,
    count: 0,
    refused: 0,
    firstMs: atMs,
    lastMs: atMs,
  }))
  edge.count++
  if (isRefused) edge.refused++
  edge.firstMs = Math.min(edge.firstMs, atMs)
  edge.lastMs = Math.max(edge.lastMs, atMs)
}
