// People → exchange → apps and the internet, as a picture that is as small for 50,000 flows as for five. Text is HTML,
// ribbons are SVG whose width follows its column; the table of flows says the same in words. Denied attempts end at the
// exchange.
import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import type { LiveLook, LiveNode } from '#core/api/live-routes.ts'
import { count } from '#console/messages/plural.ts'
import { text } from '#console/messages/text.ts'
import { leftOf, linkedWith, placed, ROW, type PlacedNode, type Side } from './flow-layout.ts'
import { Icon } from './icon.tsx'
import { bytes } from './moment.tsx'
import { Glyph } from './status.tsx'
import { useTenant } from './who.ts'

type Props = {
  readonly look: LiveLook
  readonly side: Side
  readonly denials: number
}
type Lit = { readonly end: 'from' | 'to'; readonly key: string } | null

export function FlowPicture({ look, side, denials }: Props): ReactNode {
  const tenant = useTenant()
  const [lit, setLit] = useState<Lit>(null)
  const { nodes, links } = leftOf(look.picture, side)
  const { apps } = look.picture
  const height = Math.max(nodes.length, apps.length, 4) * ROW
  const left = placed(nodes, height)
  const right = placed(apps, height)
  const linked = lit === null ? null : linkedWith(links, lit.key, lit.end)
  const isLit = (end: 'from' | 'to', key: string) =>
    lit !== null && (lit.end === end ? lit.key === key : (linked?.has(key) ?? false))
  const list = (end: 'from' | 'to', of: readonly LiveNode[]) => (
    <ul className={end === 'from' ? 'picture-people' : undefined}>
      {of.map((node) => (
        <li
          key={node.key}
          className={isLit(end, node.key) ? 'is-lit' : ''}
          onPointerEnter={() => setLit({ end, key: node.key })}
          onPointerLeave={() => setLit(null)}
          onFocus={() => setLit({ end, key: node.key })}
          onBlur={() => setLit(null)}
        >
          <Name node={node} tenant={tenant} />
          <span className="caption picture-count">
            {count(node.flows)}
            {node.bytesPerSecond >= 1 && <span className="picture-rate"> · {bytes(node.bytesPerSecond)}/s</span>}
          </span>
        </li>
      ))}
    </ul>
  )
  return (
    <div
      className={`picture${lit === null ? '' : ' has-lit'}`}
      role="group"
      aria-label={text.now.pictureLabel(look.flows, look.people, look.apps)}
    >
      {list('from', nodes)}
      <Ribbons height={height} places={left} towards="port" isLit={(key) => isLit('from', key)}>
        {denials > 0 && <path className="ribbon-denied" d={`M40 ${height - 10} H100`} />}
      </Ribbons>
      <div className="port">
        <Icon name="exchanges" size={18} />
        <span className="strong">
          {look.health.exchanges > 1 ? text.now.exchanges(look.health.exchanges) : text.now.exchange}
        </span>
        <span className="caption">{text.amount.flows(look.flows)}</span>
        {denials > 0 && (
          <Link
            to="/t/$tenant/events"
            params={{ tenant }}
            search={{ outcome: 'failure' }}
            className="port-denied status"
          >
            <Glyph kind="deny" /> {count(denials)} <span className="port-word">{text.now.denied(denials)}</span>
          </Link>
        )}
      </div>
      <Ribbons height={height} places={right} towards="names" isLit={(key) => isLit('to', key)} />
      {list('to', apps)}
    </div>
  )
}

function Name({ node, tenant }: { readonly node: LiveNode; readonly tenant: string }): ReactNode {
  const { kind, name, members } = node
  if (kind === 'rest') return <span className="quiet ellipsis">{text.now.more(members)}</span>
  if (kind === 'internet')
    return (
      <span className="picture-name strong">
        <Icon name="internet" size={14} /> <span className="ellipsis">{text.now.internet}</span>
      </span>
    )
  if (name === '') return <span className="quiet ellipsis">{kind === 'group' ? text.now.noGroup : text.now.gone}</span>
  if (kind === 'group' || kind === 'organisation')
    return (
      <Link
        to={kind === 'group' ? '/t/$tenant/people' : '/t/$tenant/third-parties'}
        params={{ tenant }}
        search={{ search: name }}
        className="picture-name"
        title={text.now.members(members)}
      >
        <Icon name={kind === 'group' ? 'people' : 'thirdParties'} size={14} /> <span className="ellipsis">{name}</span>
      </Link>
    )
  return (
    <Link
      to={kind === 'person' ? '/t/$tenant/people/$name' : '/t/$tenant/apps/$name'}
      params={{ tenant, name }}
      className="picture-name"
    >
      <span className="ellipsis">{name}</span>
    </Link>
  )
}

function Ribbons({
  height,
  places,
  towards,
  isLit,
  children,
}: {
  readonly height: number
  readonly places: readonly PlacedNode[]
  readonly towards: 'port' | 'names'
  readonly isLit: (key: string) => boolean
  readonly children?: ReactNode
}): ReactNode {
  return (
    <svg height={height} viewBox={`0 0 100 ${height}`} preserveAspectRatio="none" aria-hidden="true">
      {places.map(({ node, y, portY, width }) => {
        const [from, to] = towards === 'port' ? [y, portY] : [portY, y]
        const path = `M0 ${from} C50 ${from} 50 ${to} 100 ${to}`
        const kind = node.kind === 'internet' ? ' ribbon-web' : ''
        return (
          <g key={node.key}>
            <path className={`ribbon${kind}${isLit(node.key) ? ' is-lit' : ''}`} d={path} strokeWidth={width} />
            {node.bytesPerSecond > 0 && <path className={`ribbon-moving${kind}`} d={path} />}
          </g>
        )
      })}
      {children}
    </svg>
  )
}
