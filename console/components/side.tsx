// The side bar: whose console this is, and where one can go.
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'
import { Icon, Mark } from './icon.tsx'
import { placesFor } from './navigation.ts'
import type { Me } from './who.ts'

export function Brand({ me }: { readonly me: Me }): ReactNode {
  return (
    <div className="brand">
      <Mark size={24} />
      <span className="brand-names">
        <span className="brand-tenant">{me.tenantDisplayName || me.tenant}</span>
        <span className="caption">{text.product}</span>
      </span>
    </div>
  )
}

export function Side({ me, onGo }: { readonly me: Me; readonly onGo?: () => void }): ReactNode {
  return (
    <>
      <Brand me={me} />
      <div className="nav">
        {placesFor(me.roles).map(({ head, places }) => (
          <div key={head ?? ''}>
            {head !== null && <div className="nav-head">{head}</div>}
            <ul>
              {places.map(({ icon, label, to }) => (
                <li key={to}>
                  <Link
                    to={to}
                    params={{ tenant: me.tenant }}
                    className="nav-link"
                    activeProps={{ 'aria-current': 'page' }}
                    {...(onGo && { onClick: onGo })}
                  >
                    <Icon name={icon} />
                    {label}
                    {icon === 'thirdParties' && <WaitingRequests tenant={me.tenant} />}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </div>
    </>
  )
}

/** Requests for access that somebody has to decide on. */
function WaitingRequests({ tenant }: { readonly tenant: string }): ReactNode {
  const list = useRoute(
    'listAccessRequests',
    { params: { tenant }, query: { status: 'open', limit: 1 } },
    { everyMs: caps.waitingEveryMs, keep: true },
  )
  const waiting = list.data?.total ?? 0
  if (waiting === 0) return null
  return (
    <span className="nav-badge" title={text.nav.waiting(waiting)}>
      <span aria-hidden="true">{waiting > 99 ? '99+' : waiting}</span>
      <span className="hidden-text">{text.nav.waiting(waiting)}</span>
    </span>
  )
}
