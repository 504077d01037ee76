// Where the names and ribbons of the picture of flows go. Pure; how many there are is the server's doing.
import type { LiveLink, LiveNode, LivePicture } from '#core/api/live-routes.ts'

export type Side = 'people' | 'groups'
export type PlacedNode = { readonly node: LiveNode; readonly y: number; readonly portY: number; readonly width: number }

export const ROW = 40

/** Width of a ribbon in pixels: grows with the logarithm, so that 1 and 10,000 flows both can be seen. */
export function ribbonWidth(flows: number): number {
  return Math.min(18, 2 + Math.log2(Math.max(1, flows)) * 1.5)
}

/** Each name's middle, and where its ribbon meets the exchange: drawn together there, in the same order. */
export function placed(nodes: readonly LiveNode[], height: number): readonly PlacedNode[] {
  const top = (height - nodes.length * ROW) / 2
  const widths = nodes.map((node) => ribbonWidth(node.flows) + 2)
  const bundle = widths.reduce((sum, width) => sum + width, 0)
  let at = (height - bundle) / 2
  return nodes.map((node, index) => {
    const width = widths[index] ?? 0
    const portY = at + width / 2
    at += width
    return { node, y: top + index * ROW + ROW / 2, portY, width: width - 2 }
  })
}

export function leftOf(picture: LivePicture, side: Side) {
  return side === 'people'
    ? { nodes: picture.people, links: picture.links }
    : { nodes: picture.groups, links: picture.groupLinks }
}

/** Keys at the other side that this one is linked with. */
export function linkedWith(links: readonly LiveLink[], key: string, end: 'from' | 'to'): ReadonlySet<string> {
  return new Set(links.filter((link) => link[end] === key).map((link) => link[end === 'from' ? 'to' : 'from']))
}

/** People by name while they all can be read, groups beyond. */
export function sideFor(people: number, chosen: string | undefined): Side {
  if (chosen === 'people' || chosen === 'groups') return chosen
  return people > 10 ? 'groups' : 'people'
}
