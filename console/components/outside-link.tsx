// An address from the API as a link, only if it is https; anything else stays text.
import type { ReactNode } from 'react'
import { Icon } from './icon.tsx'
import { safeAddress } from './safe-address.ts'

export function OutsideLink({
  address,
  children,
  look,
}: {
  readonly address: string
  readonly children?: ReactNode
  readonly look?: string
}): ReactNode {
  const safe = safeAddress(address)
  if (safe === null) return <span className="mono">{address}</span>
  return (
    <a href={safe} target="_blank" rel="noopener noreferrer" className={look}>
      {children ?? <span className="mono">{address.replace(/^https:\/\//, '').replace(/\/$/, '')}</span>}{' '}
      <Icon name="out" size={12} />
    </a>
  )
}
