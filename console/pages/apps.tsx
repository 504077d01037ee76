// *Apps*: what is published, where it is reached, and whether a connector stands behind it.
import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { ConnectorView } from '#core/api/views.ts'
import { appAddress, readApp, type AppView } from '#console/api/spec-view.ts'
import { listRefresh, usePages, useRoute } from '#console/api/use-route.ts'
import { buttonClass } from '#console/components/button.tsx'
import { DataTable, type Column } from '#console/components/data-table.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { OutsideLink } from '#console/components/outside-link.tsx'
import { Page, Tags } from '#console/components/page.tsx'
import { PagedList, pagedState } from '#console/components/paged-list.tsx'
import { Empty } from '#console/components/state.tsx'
import { Status } from '#console/components/status.tsx'
import { useMayChange, useMe } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

/** What stands behind an app: connected connectors of its group, and who of them says it is unhealthy. */
export function AppHealth({
  app,
  connectors,
}: {
  readonly app: AppView
  readonly connectors: readonly ConnectorView[] | undefined
}): ReactNode {
  if (!app.isEnabled) return <Status kind="quiet">{text.apps.disabled}</Status>
  if (connectors === undefined) return null
  const group = connectors.filter(
    (connector) => connector.group === app.connectorGroup && connector.status === 'active',
  )
  const up = group.filter((connector) => connector.connected.length > 0)
  if (up.length === 0)
    return <Status kind="deny">{group.length === 0 ? text.apps.noConnector : text.apps.live(0, group.length)}</Status>
  const isUnhealthy = up.every((connector) => connector.unhealthyApps.some((entry) => entry.app === app.name))
  if (isUnhealthy) return <Status kind="warn">{text.status.unhealthy}</Status>
  return <Status kind="allow">{text.apps.live(up.length, group.length)}</Status>
}

export function AppsPage(): ReactNode {
  const me = useMe()
  const { tenant } = me
  const mayChange = useMayChange()
  const { search, after, query } = useListSearch()
  const list = usePages('listResources', { params: { tenant, plural: 'apps' }, query })
  const connectors = useRoute('listConnectors', { params: { tenant }, query: { limit: 1000 } }, listRefresh)
  const apps = useMemo(() => list.items?.map(readApp), [list.items])
  const behind = connectors.data?.items
  const columns = useMemo<readonly Column<AppView>[]>(
    () => [
      {
        id: 'name',
        head: text.column.app,
        cell: (app) => (
          <span className="two">
            <Link to="/t/$tenant/apps/$name" params={{ tenant, name: app.name }} className="row-link">
              {app.displayName}
            </Link>
            {app.displayName !== app.name && <span className="small quiet">{app.name}</span>}
          </span>
        ),
      },
      { id: 'kind', head: text.column.kind, look: 'tight', cell: (app) => <span className="tag">{app.kind}</span> },
      {
        id: 'address',
        head: text.column.address,
        cell: (app) => {
          const address = appAddress(app, me)
          const names = app.names.flatMap(({ host, ports }) => ports.map((port) => `${host}:${port}`))
          return (
            <span className="two">
              {address && <OutsideLink address={address} />}
              {names.length > 0 && <span className="mono second">{names.join(', ')}</span>}
              {!address && names.length === 0 && <span className="quiet">{text.apps.agentOnly}</span>}
            </span>
          )
        },
      },
      {
        id: 'groups',
        head: text.column.groups,
        cell: (app) => <Tags names={app.groups} />,
        isEmpty: (app) => app.groups.length === 0,
      },
      { id: 'connectors', head: text.column.connectors, cell: (app) => <AppHealth app={app} connectors={behind} /> },
    ],
    [me, tenant, behind],
  )
  const publish = mayChange && (
    <Link to="/t/$tenant/publish" params={{ tenant }} className={buttonClass('main')}>
      {text.apps.publish}
    </Link>
  )
  return (
    <Page title={text.apps.title} acts={publish}>
      <PagedList>
        <DataTable
          label={text.apps.title}
          columns={columns}
          rows={apps}
          rowKey={(app) => app.name}
          {...pagedState(
            list,
            { search, after },
            <Empty title={text.apps.empty} lead={text.apps.emptyLead}>
              {publish}
            </Empty>,
          )}
        />
      </PagedList>
    </Page>
  )
}
