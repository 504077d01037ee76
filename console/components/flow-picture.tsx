// People → exchange → apps, as a picture. Text is HTML, ribbons are SVG whose width follows its column; the table of
// flows says the same in words. Denied attempts end at the exchange.
import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { count } from '#console/messages/plural.ts'
import { text } from '#console/messages/text.ts'
import { Glyph } from './status.tsx'
import { REST, ribbonWidth, type FlowPictureData, type PictureNode } from './flow-layout.ts'
import { useTenant } from './who.ts'

const ROW = 34

type Props = {
  readonly data: FlowPictureData
  readonly flows: number
  readonly denials: number
  readonly busyPeople: ReadonlySet<string>
}

export function FlowPicture({ data, flows, denials, busyPeople }: Props): ReactNode {
  const tenant = useTenant()
  const [lit, setLit] = useState<string | null>(null)
  const height = Math.max(data.people.length, data.apps.length, 4) * ROW
  const left = sideOf(data.people, height)
  const right = sideOf(data.apps, height)
  const litApps = new Set(data.links.filter((link) => `p${link.person}` === lit).map((link) => link.app))
  const litPeople = new Set(data.links.filter((link) => `a${link.app}` === lit).map((link) => link.person))
  const isLitPerson = (key: string) => lit === `p${key}` || litPeople.has(key)
  const isLitApp = (key: string) => lit === `a${key}` || litApps.has(key)
  const light = (key: string | null) => () => setLit(key)
  return (
    <div
      className={`picture${lit === null ? '' : ' has-lit'}`}
      role="group"
      aria-label={text.now.pictureLabel(flows, data.peopleTotal, data.appsTotal)}
    >
      <ul className="picture-people">
        {data.people.map((node) => (
          <li
            key={node.key}
            className={isLitPerson(node.key) ? 'is-lit' : ''}
            onPointerEnter={light(`p${node.key}`)}
            onPointerLeave={light(null)}
            onFocus={light(`p${node.key}`)}
            onBlur={light(null)}
          >
            {node.name === null ? (
              <span className="quiet ellipsis">{text.now.more(node.others)}</span>
            ) : (
              <Link to="/t/$tenant/people/$name" params={{ tenant, name: node.name }} className="ellipsis">
                {node.name}
              </Link>
            )}
            <span className="caption">{count(node.flows)}</span>
          </li>
        ))}
      </ul>
      <svg height={height} viewBox={`0 0 100 ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {left.map(({ node, y, portY }) => (
          <Ribbon
            key={node.key}
            from={y}
            to={portY}
            flows={node.flows}
            isLit={isLitPerson(node.key)}
            isMoving={busyPeople.has(node.key) || (node.key === REST && busyPeople.size > 0)}
          />
        ))}
        {denials > 0 && <path className="ribbon-denied" d={`M30 ${height - 10} H100`} />}
      </svg>
      <div className="port">
        <span className="strong">
          {data.exchanges.length > 1 ? text.now.exchanges(data.exchanges.length) : text.now.exchange}
        </span>
        <span className="caption">{text.amount.flows(flows)}</span>
        {denials > 0 && (
          <span className="port-denied status">
            <Glyph kind="deny" /> {count(denials)} <span className="port-word">{text.now.denied(denials)}</span>
          </span>
        )}
      </div>
      <svg height={height} viewBox={`0 0 100 ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {right.map(({ node, y, portY }) => (
          <Ribbon key={node.key} from={portY} to={y} flows={node.flows} isLit={isLitApp(node.key)} isMoving={false} />
        ))}
      </svg>
      <ul>
        {data.apps.map((node) => (
          <li
            key={node.key}
            className={isLitApp(node.key) ? 'is-lit' : ''}
            onPointerEnter={light(`a${node.key}`)}
            onPointerLeave={light(null)}
            onFocus={light(`a${node.key}`)}
            onBlur={light(null)}
          >
            <span className="caption">{count(node.flows)}</span>
            {node.name === null ? (
              <span className="quiet ellipsis">{text.now.more(node.others)}</span>
            ) : (
              <Link to="/t/$tenant/apps/$name" params={{ tenant, name: node.name }} className="ellipsis">
                {node.name}
              </Link>
            )}
          </li>
        ))}
      </ul>
    </div>
  )
}

function Ribbon({
  from,
  to,
  flows,
  isLit,
  isMoving,
}: {
  readonly from: number
  readonly to: number
  readonly flows: number
  readonly isLit: boolean
  readonly isMoving: boolean
}): ReactNode {
  const path = `M0 ${from} C50 ${from} 50 ${to} 100 ${to}`
  return (
    <>
      <path className={`ribbon${isLit ? ' is-lit' : ''}`} d={path} strokeWidth={ribbonWidth(flows)} />
      {isMoving && <path className="ribbon-moving" d={path} />}
    </>
  )
}

/** Each name's middle, and where its ribbon meets the exchange: drawn together there, in the same order. */
function sideOf(nodes: readonly PictureNode[], height: number) {
  const top = (height - nodes.length * ROW) / 2
  const widths = nodes.map((node) => ribbonWidth(node.flows) + 3)
  const bundle = widths.reduce((sum, width) => sum + width, 0)
  let at = (height - bundle) / 2
  return nodes.map((node, index) => {
    const width = widths[index] ?? 0
    const portY = at + width / 2
    at += width
    return { node, y: top + index * ROW + ROW / 2, portY }
  })
}
