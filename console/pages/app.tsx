// One app: how it is reached, what stands behind it, and which policies name it.
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { type ReactNode } from 'react'
import type { Resource } from '#core/api/views.ts'
import { appAddress, mentionsApp, readApp, readPolicy } from '#console/api/spec-view.ts'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { buttonClass } from '#console/components/button.tsx'
import { ConfirmAction } from '#console/components/confirm-action.tsx'
import { ConnectorTable } from '#console/components/connector-table.tsx'
import { ContainAction, ContainedNote } from '#console/components/containment.tsx'
import { LastDenials } from '#console/components/last-denials.tsx'
import { ReachTable } from '#console/components/reach-table.tsx'
import { EnrolConnector } from '#console/components/enrol-connector.tsx'
import { Moment } from '#console/components/moment.tsx'
import { OutsideLink } from '#console/components/outside-link.tsx'
import { Facts, Page, Section, Tags } from '#console/components/page.tsx'
import { PolicyView } from '#console/components/policy-text.tsx'
import { Failed, Note } from '#console/components/state.tsx'
import { UnreadPage } from '#console/components/unread-page.tsx'
import { useMayChange, useMe } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'
import { AppHealth } from './apps.tsx'

export function AppPage(): ReactNode {
  const { tenant } = useMe()
  const { name = '' } = useParams({ strict: false })
  const found = useRoute('getResource', { params: { tenant, plural: 'apps', name } }, listRefresh)
  if (found.data === undefined) return <UnreadPage title={name} crumb={<Crumb />} found={found} />
  return <Loaded resource={found.data} />
}

function Crumb(): ReactNode {
  const { tenant } = useMe()
  return (
    <Link to="/t/$tenant/apps" params={{ tenant }}>
      {text.apps.title}
    </Link>
  )
}

function Loaded({ resource }: { readonly resource: Resource }): ReactNode {
  const me = useMe()
  const { tenant } = me
  const mayChange = useMayChange()
  const navigate = useNavigate()
  const put = useChange('putResource')
  const remove = useChange('deleteResource')
  const connectors = useRoute('listConnectors', { params: { tenant }, query: { limit: 1000 } }, listRefresh)
  const policies = useRoute(
    'listResources',
    { params: { tenant, plural: 'policies' }, query: { limit: 1000 } },
    listRefresh,
  )
  const app = readApp(resource)
  const address = appAddress(app, me)
  const behind = connectors.data?.items.filter((connector) => connector.group === app.connectorGroup)
  const naming = policies.data?.items.filter((policy) => mentionsApp(readPolicy(policy).text, app))
  const setEnabled = async (enabled: boolean) => {
    await put.mutateAsync({
      params: { tenant, plural: 'apps', name: app.name },
      body: { spec: { ...resource.spec, enabled }, version: resource.version },
    })
  }
  return (
    <Page
      title={app.displayName}
      lead={app.description}
      crumb={<Crumb />}
      acts={
        <>
          <Link to="/t/$tenant/explain" params={{ tenant }} search={{ app: app.name }} className={buttonClass()}>
            {text.app.explain}
          </Link>
          {address && (
            <OutsideLink address={address} look={buttonClass('main')}>
              {text.app.open}
            </OutsideLink>
          )}
        </>
      }
    >
      <ContainedNote kind="app" name={app.name} />
      <div className="panel panel-pad">
        <Facts
          wide
          facts={[
            [text.column.status, <AppHealth key="h" app={app} connectors={connectors.data?.items} />],
            address !== null && [text.app.browser, <OutsideLink key="a" address={address} />],
            app.names.length > 0 && [
              text.app.agent,
              <span key="n" className="mono">
                {app.names.map(({ host, ports }) => `${host}:${ports.join(',')}`).join('  ')}
              </span>,
            ],
            [
              text.app.upstream,
              <span key="u">
                <span className="mono">{app.upstream}</span> <span className="quiet">{text.app.upstreamHint}</span>
              </span>,
            ],
            [text.app.inspection, app.isInspected ? text.app.inspected : text.app.sealed],
            [
              text.connectors.group,
              <span key="g" className="tag">
                {app.connectorGroup}
              </span>,
            ],
            app.groups.length > 0 && [text.column.groups, <Tags key="t" names={app.groups} />],
            app.owner !== null && [
              text.app.owner,
              <span key="o">
                <Link to="/t/$tenant/people/$name" params={{ tenant, name: app.owner }} className="text-link">
                  {app.owner}
                </Link>{' '}
                <span className="quiet">{text.app.ownerHint}</span>
              </span>,
            ],
            [text.column.updated, <Moment key="m" at={resource.updatedAt} />],
          ]}
        />
      </div>
      <ReachTable of="app" name={app.name} />
      <LastDenials search={{ app: app.name }} />
      <Section title={text.app.connectors} acts={mayChange && <EnrolConnector group={app.connectorGroup} inRow />}>
        <ConnectorTable
          connectors={behind}
          error={connectors.error}
          empty={text.app.connectorsEmpty(app.connectorGroup)}
        />
      </Section>
      <Section
        title={text.app.policies}
        hint={text.app.policiesHint}
        acts={
          mayChange && (
            <Link to="/t/$tenant/new-policy" params={{ tenant }} className={buttonClass('plain', true)}>
              {text.app.policiesNew}
            </Link>
          )
        }
      >
        {policies.isError && policies.data === undefined && <Failed error={policies.error} />}
        {naming?.length === 0 && <Note kind="warn">{text.app.policiesEmpty}</Note>}
        {naming?.map((policy) => (
          <details key={policy.name} className="more">
            <summary>{policy.name}</summary>
            <div className="stack">
              <PolicyView text={readPolicy(policy).text} label={policy.name} />
              <Link to="/t/$tenant/policies/$name" params={{ tenant, name: policy.name }}>
                {text.app.policyOpen(policy.name)}
              </Link>
            </div>
          </details>
        ))}
      </Section>
      {mayChange && (
        <div className="row">
          <ContainAction kind="app" name={app.name} />
          <ConfirmAction
            key={String(app.isEnabled)}
            look="plain"
            label={app.isEnabled ? text.app.switchOff : text.app.switchOn}
            title={app.isEnabled ? text.app.switchOffTitle(app.displayName) : text.app.switchOnTitle(app.displayName)}
            body={app.isEnabled ? text.app.switchOffBody : text.app.switchOnBody}
            doLook={app.isEnabled ? 'danger' : 'main'}
            act={() => setEnabled(!app.isEnabled)}
          />
          <ConfirmAction
            label={text.app.delete}
            title={text.app.deleteTitle(app.displayName)}
            body={text.app.deleteBody}
            act={async () => {
              await remove.mutateAsync({ params: { tenant, plural: 'apps', name: app.name } })
              await navigate({ to: '/t/$tenant/apps', params: { tenant } })
            }}
          />
        </div>
      )}
    </Page>
  )
}
