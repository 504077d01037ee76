// The frame around every page: side bar, account menu, phone bar; and the gate: nothing inside is shown until `me`
// has said who is asking, and nothing of one tenant to a session of another.
import { Dialog as Base } from '@base-ui/react/dialog'
import { Menu } from '@base-ui/react/menu'
import { Link, Outlet, useParams, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { isTenantName, leaveForSignIn, rememberTenant } from '#console/api/sign-in.ts'
import { useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'
import { ActHost } from './act-host.tsx'
import { Button } from './button.tsx'
import { Icon, Mark, type IconName } from './icon.tsx'
import { Moment } from './moment.tsx'
import { chooseScheme, schemeNow, schemes } from './scheme.ts'
import { Empty, Failed } from './state.tsx'
import { MeContext, useMe, type Me } from './who.ts'

type Entry = readonly [icon: IconName, label: string, to: string]
const groups: readonly (readonly [head: string | null, entries: readonly Entry[]])[] = [
  [null, [['now', text.nav.now, '/t/$tenant/now']]],
  [
    text.nav.access,
    [
      ['apps', text.nav.apps, '/t/$tenant/apps'],
      ['connectors', text.nav.connectors, '/t/$tenant/connectors'],
      ['policies', text.nav.policies, '/t/$tenant/policies'],
      ['explain', text.nav.explain, '/t/$tenant/explain'],
    ],
  ],
  [
    text.nav.people,
    [
      ['people', text.nav.persons, '/t/$tenant/people'],
      ['devices', text.nav.devices, '/t/$tenant/devices'],
      ['sessions', text.nav.sessions, '/t/$tenant/sessions'],
      ['thirdParties', text.nav.thirdParties, '/t/$tenant/third-parties'],
    ],
  ],
  [
    text.nav.respond,
    [
      ['stories', text.nav.stories, '/t/$tenant/stories'],
      ['drills', text.nav.drills, '/t/$tenant/drills'],
    ],
  ],
  [
    text.nav.record,
    [
      ['events', text.nav.events, '/t/$tenant/events'],
      ['settings', text.nav.settings, '/t/$tenant/settings'],
    ],
  ],
]
const providerEntries: readonly Entry[] = [
  ['tenants', text.nav.tenants, '/provider/tenants'],
  ['exchanges', text.nav.exchanges, '/provider/exchanges'],
]

export function Frame(): ReactNode {
  const me = useRoute('me', {}, { everyMs: 60_000 })
  const { tenant: asked } = useParams({ strict: false })
  const name = me.data?.tenant
  useEffect(() => {
    if (name !== undefined) rememberTenant(name)
  }, [name])
  if (me.data === undefined) {
    if (!me.isError) return <p className="hidden-text">{text.state.loading}</p>
    return (
      <main className="sign-in">
        <Failed error={me.error} onRetry={() => void me.refetch()} />
      </main>
    )
  }
  return (
    <MeContext value={me.data}>
      <a className="skip" href="#content">
        {text.skip}
      </a>
      <ActHost>
        <div className="frame">
          <PhoneBar me={me.data} />
          <nav className="side" aria-label={text.nav.label}>
            <Side me={me.data} />
          </nav>
          <Content me={me.data} asked={asked} />
        </div>
      </ActHost>
    </MeContext>
  )
}

function Content({ me, asked }: { readonly me: Me; readonly asked: string | undefined }): ReactNode {
  const path = useRouterState({ select: (state) => state.location.pathname })
  const main = useRef<HTMLElement>(null)
  const before = useRef(path)
  useEffect(() => {
    // After a change of page the keyboard starts at its content.
    if (before.current !== path) main.current?.focus({ preventScroll: true })
    before.current = path
  }, [path])
  return (
    <main className="main" id="content" tabIndex={-1} ref={main}>
      {asked !== undefined && asked !== me.tenant ? (
        <OtherTenant me={me} asked={asked} />
      ) : me.roles.length === 0 ? (
        <Empty title={text.signIn.noRoleTitle} lead={text.signIn.noRole(me.user)}>
          <a
            className="button"
            href={`https://${me.tenant}.${me.domain}${me.publicPort === 443 ? '' : `:${me.publicPort}`}/`}
          >
            {text.signIn.portal}
          </a>
        </Empty>
      ) : (
        <Outlet />
      )}
    </main>
  )
}

function OtherTenant({ me, asked }: { readonly me: Me; readonly asked: string }): ReactNode {
  return (
    <Empty title={text.signIn.wrongTenant(asked, me.tenant)} lead={text.signIn.wrongTenantLead}>
      <div className="row">
        <Link to="/t/$tenant/now" params={{ tenant: me.tenant }} className="button button-main">
          {text.signIn.stay(me.tenant)}
        </Link>
        {isTenantName(asked) && <Button onClick={() => leaveForSignIn(asked)}>{text.signIn.switch(asked)}</Button>}
      </div>
    </Empty>
  )
}

function Brand({ me }: { readonly me: Me }): ReactNode {
  return (
    <div className="brand">
      <Mark />
      <span className="brand-names">
        <span className="brand-tenant">{me.tenantDisplayName || me.tenant}</span>
        <span className="caption">{text.product}</span>
      </span>
    </div>
  )
}

function Side({ me, onGo }: { readonly me: Me; readonly onGo?: () => void }): ReactNode {
  const shown = me.roles.includes('provider-admin')
    ? [...groups, [text.nav.provider, providerEntries] as const]
    : groups
  return (
    <>
      <Brand me={me} />
      <div className="nav">
        {shown.map(([head, entries]) => (
          <div key={head ?? ''}>
            {head && <div className="nav-head">{head}</div>}
            <ul>
              {entries.map(([icon, label, to]) => (
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
      <Account />
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

function Account(): ReactNode {
  const me = useMe()
  const [scheme, setScheme] = useState(schemeNow)
  const name = me.displayName || me.user
  const role = me.roles[0]
  return (
    <Menu.Root>
      <Menu.Trigger className="account-button">
        <span className="initial" aria-hidden="true">
          {Array.from(name)[0]}
        </span>
        <span className="brand-names">
          <span className="ellipsis strong">{name}</span>
          <span className="caption">{role ? text.account.roles[role] : text.account.noRole}</span>
        </span>
        <span className="hidden-text">{text.account.label}</span>
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="menu-place" sideOffset={6} align="start">
          <Menu.Popup className="menu">
            <div className="menu-facts">
              <span className="strong">{me.user}</span>
              <span className="small quiet">
                {text.account.until} <Moment at={me.expiresAt} form="day-time" />
              </span>
            </div>
            <Menu.RadioGroup
              value={scheme}
              onValueChange={(value: unknown) => {
                const chosen = schemes.find((entry) => entry === value) ?? 'system'
                chooseScheme(chosen)
                setScheme(chosen)
              }}
            >
              <Menu.Group>
                <Menu.GroupLabel className="menu-head">{text.account.scheme}</Menu.GroupLabel>
                {schemes.map((entry) => (
                  <Menu.RadioItem key={entry} value={entry} className="menu-item">
                    <span className="menu-check">
                      <Menu.RadioItemIndicator>
                        <Icon name="check" size={14} />
                      </Menu.RadioItemIndicator>
                    </span>
                    {text.account.schemes[entry]}
                  </Menu.RadioItem>
                ))}
              </Menu.Group>
            </Menu.RadioGroup>
            <form method="post" action="/auth/sign-out">
              <Menu.Item className="menu-item" render={<button type="submit" />} nativeButton closeOnClick={false}>
                <span className="menu-check" />
                {text.account.signOut}
              </Menu.Item>
            </form>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}

function PhoneBar({ me }: { readonly me: Me }): ReactNode {
  const [isOpen, setOpen] = useState(false)
  return (
    <header className="phone-bar">
      <Brand me={me} />
      <Base.Root open={isOpen} onOpenChange={setOpen}>
        <Base.Trigger className="button button-icon" aria-label={text.nav.menu}>
          <Icon name="menu" size={20} />
        </Base.Trigger>
        <Base.Portal>
          <Base.Backdrop className="veil" />
          <Base.Popup className="drawer" aria-label={text.nav.menu}>
            <nav className="side" aria-label={text.nav.label}>
              <Side me={me} onGo={() => setOpen(false)} />
            </nav>
          </Base.Popup>
        </Base.Portal>
      </Base.Root>
    </header>
  )
}
