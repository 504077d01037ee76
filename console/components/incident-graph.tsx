// Who reached what, as a picture: people, their devices, and what they reached, in three columns; refused attempts are
// dashed. The table of the same edges stands below it and says it in words.
import type { ReactNode } from 'react'
import type { IncidentGraph } from '#core/api/incident-routes.ts'

const ROW = 30
const COLUMNS = { user: 0, device: 1, app: 2, host: 2 } as const
const LEFT = [8, 300, 592] as const
const BOX = 200
const WIDTH = 800
const SHOWN = 24

type Placed = IncidentGraph['nodes'][number] & { readonly x: number; readonly y: number }

export function IncidentGraphPicture({
  graph,
  label,
}: {
  readonly graph: IncidentGraph
  readonly label: string
}): ReactNode {
  const placed = place(graph)
  const byId = new Map(placed.map((node) => [node.id, node]))
  const height = Math.max(ROW, ...placed.map(({ y }) => y + ROW)) + 8
  const most = Math.max(1, ...graph.edges.map(({ count }) => count))
  return (
    <svg className="incident-graph" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={label}>
      {graph.edges.map((edge) => {
        const [from, to] = [byId.get(edge.from), byId.get(edge.to)]
        if (!from || !to) return null
        const [x1, y1, x2, y2] = [from.x + BOX, from.y + ROW / 2 - 3, to.x, to.y + ROW / 2 - 3]
        const middle = (x1 + x2) / 2
        return (
          <path
            key={`${edge.from} ${edge.to}`}
            d={`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`}
            className={`incident-edge${edge.refused === edge.count ? ' is-refused' : edge.refused > 0 ? ' is-partly' : ''}`}
            strokeWidth={1 + (4 * Math.log1p(edge.count)) / Math.log1p(most)}
          />
        )
      })}
      {placed.map((node) => (
        <g key={node.id} transform={`translate(${node.x} ${node.y})`}>
          <rect width={BOX} height={ROW - 6} rx="5" className={`incident-node${node.isLinked ? ' is-linked' : ''}`} />
          <text x="10" y={ROW / 2 + 1} className="incident-name">
            {node.name.length > 26 ? `${node.name.slice(0, 25)}…` : node.name}
          </text>
        </g>
      ))}
    </svg>
  )
}

function place({ nodes }: IncidentGraph): Placed[] {
  const counts = [0, 0, 0]
  const placed: Placed[] = []
  for (const node of nodes) {
    const column = COLUMNS[node.kind]
    const at = counts[column] ?? 0
    if (at >= SHOWN) continue
    counts[column] = at + 1
    placed.push({ ...node, x: LEFT[column] ?? 0, y: at * ROW + 4 })
  }
  return placed
}
