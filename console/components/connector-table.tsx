// Connectors with where they are connected and how their apps are; and the act that revokes one.
import { useMemo, type ReactNode } from 'react'
import type { ConnectorView } from '#core/api/views.ts'
import { useChange } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { count } from '#console/messages/plural.ts'
import { ConfirmAction } from './confirm-action.tsx'
import { DataTable, type Column, type TableState } from './data-table.tsx'
import { Moment } from './moment.tsx'
import { Status } from './status.tsx'
import { useMayChange, useTenant } from './who.ts'

type Props = TableState & { readonly connectors: readonly ConnectorView[] | undefined }

export function ConnectorTable({ connectors, empty, ...state }: Props): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const revoke = useChange('revokeConnector')
  const act = revoke.mutateAsync
  const columns = useMemo<readonly Column<ConnectorView>[]>(
    () => [
      { id: 'name', head: text.column.name, cell: (connector) => <span className="strong">{connector.name}</span> },
      { id: 'group', head: text.column.group, cell: (connector) => <span className="tag">{connector.group}</span> },
      {
        id: 'status',
        head: text.column.status,
        cell: ({ status, connected }) =>
          status === 'revoked' ? (
            <Status kind="quiet">{text.status.revoked}</Status>
          ) : connected.length > 0 ? (
            <Status kind="allow">{text.status.connected}</Status>
          ) : (
            <Status kind="deny">{text.status.away}</Status>
          ),
      },
      {
        id: 'exchanges',
        head: text.column.exchanges,
        isEmpty: ({ connected }) => connected.length === 0,
        cell: ({ connected }) => (
          <span className="two small">
            {connected.map((link) => (
              <span key={link.exchangeId} className="nowrap">
                <span className="mono">{link.exchangeId.slice(0, 12)}</span>{' '}
                <span className="quiet">
                  {text.connectors.parked(link.parked)} · <Moment at={link.since} />
                </span>
              </span>
            ))}
          </span>
        ),
      },
      {
        id: 'flows',
        head: text.column.flows,
        look: 'end',
        cell: ({ connected }) => count(connected.reduce((sum, link) => sum + link.liveFlows, 0)),
      },
      {
        id: 'health',
        head: text.column.health,
        cell: ({ unhealthyApps, connected }) =>
          unhealthyApps.length === 0 ? (
            connected.length > 0 && <Status kind="allow">{text.status.healthy}</Status>
          ) : (
            <span className="two">
              <Status kind="warn">{text.connectors.unhealthy(unhealthyApps.length)}</Status>
              {unhealthyApps.slice(0, 3).map((entry) => (
                <span key={entry.app} className="small second">
                  {entry.app}: {entry.detail}
                </span>
              ))}
            </span>
          ),
      },
      { id: 'seen', head: text.column.seen, cell: (connector) => <Moment at={connector.lastSeenAt} /> },
      {
        id: 'certificate',
        head: text.column.certificate,
        cell: (connector) => <Moment at={connector.certificateUntil} form="day-time" />,
      },
      {
        id: 'acts',
        head: text.column.action,
        look: 'acts',
        cell: (connector) =>
          mayChange &&
          connector.status === 'active' && (
            <ConfirmAction
              inRow
              label={text.connectors.revoke}
              name={`${text.connectors.revoke} ${connector.name}`}
              title={text.connectors.revokeTitle(connector.name)}
              body={text.connectors.revokeBody}
              act={() => act({ params: { tenant, id: connector.id } })}
            />
          ),
      },
    ],
    [tenant, mayChange, act],
  )
  return (
    <DataTable
      label={text.connectors.title}
      columns={columns}
      rows={connectors}
      rowKey={(connector) => connector.id}
      {...state}
      empty={typeof empty === 'string' ? <p className="state state-small">{empty}</p> : empty}
    />
  )
}
