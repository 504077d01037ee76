// How this tenant is, in the header: one word, and behind it what answers, what is connected and what is not.
import { Menu } from '@base-ui/react/menu'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { text } from '#console/messages/text.ts'
import { useHealth, type Trouble } from './health.ts'
import { Status } from './status.tsx'
import { useTenant } from './who.ts'

const words = text.health

export function HealthLight(): ReactNode {
  const tenant = useTenant()
  const { look, state, troubles } = useHealth()
  const health = look?.health
  const isBad = troubles.some(({ kind }) => kind === 'deny')
  const isUnknown = look === null && state === 'away'
  const word = isUnknown
    ? words.unknown
    : look === null
      ? words.reading
      : troubles.length === 0
        ? words.well
        : words.troubles(troubles.length)
  const kind = isUnknown ? 'warn' : look === null ? 'quiet' : troubles.length === 0 ? 'allow' : isBad ? 'deny' : 'warn'
  return (
    <Menu.Root>
      <Menu.Trigger className="top-button">
        <Status kind={kind}>
          <span className="top-word">{word}</span>
        </Status>
        <span className="hidden-text">{words.title}</span>
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="menu-place" sideOffset={6} align="end">
          <Menu.Popup className="menu menu-health">
            <div className="menu-head">{words.title}</div>
            <Line to="/t/$tenant/now" tenant={tenant} name={words.exchanges} trouble={troubles} of="exchange">
              {words.exchangesWell(health?.exchanges ?? 0)}
            </Line>
            <Line to="/t/$tenant/connectors" tenant={tenant} name={words.connectors} trouble={troubles} of="connector">
              {(health?.connectors ?? 0) === 0
                ? words.connectorsNone
                : words.connectorsWell(health?.connectorsUp ?? 0, health?.connectors ?? 0)}
            </Line>
            <Line to="/t/$tenant/apps" tenant={tenant} name={words.apps} trouble={troubles} of="app">
              {words.appsWell}
            </Line>
            <Line to="/t/$tenant/now" tenant={tenant} name={words.stream} trouble={troubles} of="stream">
              {words.streams[state]}
            </Line>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}

function Line({
  to,
  tenant,
  name,
  trouble,
  of,
  children,
}: {
  readonly to: string
  readonly tenant: string
  readonly name: string
  readonly trouble: readonly Trouble[]
  readonly of: Trouble['of']
  readonly children: ReactNode
}): ReactNode {
  const own = trouble.filter((entry) => entry.of === of)
  return (
    <Menu.Item className="menu-item menu-line" render={<Link to={to} params={{ tenant }} />}>
      <span className="quiet">{name}</span>
      {own.length === 0 ? (
        <Status kind="allow">{children}</Status>
      ) : (
        <span className="two">
          {own.map((entry) => (
            <Status key={entry.words} kind={entry.kind}>
              {entry.words}
            </Status>
          ))}
        </span>
      )}
    </Menu.Item>
  )
}
