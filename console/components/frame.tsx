// The frame around every page: side bar and header; and the gate: nothing inside is shown until `me` has said who is
// asking, and nothing of one tenant to a session of another.
import { Link, Outlet, useParams, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef, type ReactNode } from 'react'
import { isTenantName, leaveForSignIn, rememberTenant } from '#console/api/sign-in.ts'
import { useRoute } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { ActHost } from './act-host.tsx'
import { Button } from './button.tsx'
import { NoticeHost } from './notice.tsx'
import { Side } from './side.tsx'
import { Empty, Failed } from './state.tsx'
import { TopBar } from './top-bar.tsx'
import { MeContext, type Me } from './who.ts'

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
      <NoticeHost>
        <ActHost>
          <div className="frame">
            <nav className="side" aria-label={text.nav.label}>
              <Side me={me.data} />
            </nav>
            <TopBar />
            <Content me={me.data} asked={asked} />
          </div>
        </ActHost>
      </NoticeHost>
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
