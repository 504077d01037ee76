// One person: who they are, where they are signed in, with what, and what happened last.
import { Link, useParams } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { Effect, Resource } from '#core/api/views.ts'
import { readEvent } from '#console/api/event-view.ts'
import { readPerson } from '#console/api/spec-view.ts'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { buttonClass } from '#console/components/button.tsx'
import { ConfirmAction } from '#console/components/confirm-action.tsx'
import { ContainAction, ContainedNote } from '#console/components/containment.tsx'
import { DeviceTable } from '#console/components/device-table.tsx'
import { EventTable } from '#console/components/event-table.tsx'
import { FormAction } from '#console/components/form-action.tsx'
import { LastDenials } from '#console/components/last-denials.tsx'
import { Facts, Page, Section, Tags } from '#console/components/page.tsx'
import { ReachTable } from '#console/components/reach-table.tsx'
import { SecretOnce } from '#console/components/secret-once.tsx'
import { SessionTable } from '#console/components/session-table.tsx'
import { Note } from '#console/components/state.tsx'
import { Status } from '#console/components/status.tsx'
import { UnreadPage } from '#console/components/unread-page.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

export function PersonPage(): ReactNode {
  const tenant = useTenant()
  const { name = '' } = useParams({ strict: false })
  const found = useRoute('getResource', { params: { tenant, plural: 'users', name } }, listRefresh)
  const crumb = (
    <Link to="/t/$tenant/people" params={{ tenant }}>
      {text.people.title}
    </Link>
  )
  if (found.data === undefined) return <UnreadPage title={name} crumb={crumb} found={found} />
  return <Loaded resource={found.data} crumb={crumb} />
}

/** Several ends as one effect: an exchange counts as confirmed when it answered every one of them. */
function joined(effects: readonly Effect[]): Effect {
  const missing = new Set(effects.flatMap((effect) => effect.missing))
  const cut = new Map<string, { exchangeId: string; cutFlows: number; at: string }>()
  for (const receipt of effects.flatMap((effect) => effect.receipts)) {
    if (missing.has(receipt.exchangeId)) continue
    const before = cut.get(receipt.exchangeId)
    cut.set(receipt.exchangeId, { ...receipt, cutFlows: receipt.cutFlows + (before?.cutFlows ?? 0) })
  }
  return {
    sequence: Math.max(0, ...effects.map((effect) => effect.sequence)),
    receipts: [...cut.values()],
    missing: [...missing],
  }
}

function Loaded({ resource, crumb }: { readonly resource: Resource; readonly crumb: ReactNode }): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const person = readPerson(resource)
  const { name } = person
  const sessionList = useRoute(
    'listSessions',
    { params: { tenant }, query: { search: name, limit: 1000 } },
    listRefresh,
  )
  const deviceList = useRoute('listDevices', { params: { tenant }, query: { search: name, limit: 1000 } }, listRefresh)
  const eventList = useRoute('listEvents', { params: { tenant }, query: { user: name, limit: 12 } }, listRefresh)
  // The search of a list is wider than one name.
  const sessions = useMemo(
    () => sessionList.data?.items.filter((session) => session.user === name),
    [sessionList.data, name],
  )
  const devices = useMemo(
    () => deviceList.data?.items.filter((device) => device.user === name),
    [deviceList.data, name],
  )
  const events = useMemo(() => eventList.data?.items.map(readEvent), [eventList.data])
  const end = useChange('endSession')
  const put = useChange('putResource')
  const invite = useChange('inviteUser')
  const live = sessions?.length ?? 0
  return (
    <Page
      title={person.displayName}
      crumb={crumb}
      acts={
        <>
          <Link to="/t/$tenant/explain" params={{ tenant }} search={{ user: name }} className={buttonClass()}>
            {text.person.explain}
          </Link>
          {mayChange && (
            <FormAction
              label={text.person.invite}
              title={text.person.inviteTitle(name)}
              lead={text.person.inviteBody}
              submit={text.person.inviteDo}
              act={async () => {
                const made = await invite.mutateAsync({ params: { tenant, name }, body: {} })
                return {
                  title: text.person.invite,
                  content: <SecretOnce label={text.person.inviteLink} value={made.url} expiresAt={made.expiresAt} />,
                }
              }}
            >
              {null}
            </FormAction>
          )}
          {mayChange && (
            <ConfirmAction
              label={text.person.endAll}
              disabled={live === 0}
              title={text.person.endAllTitle(name)}
              body={text.person.endAllBody(live)}
              act={async () => {
                const effects: Effect[] = []
                for (const session of sessions ?? [])
                  effects.push(await end.mutateAsync({ params: { tenant, id: session.id } }))
                return joined(effects)
              }}
            />
          )}
          {mayChange && <ContainAction kind="user" name={name} />}
          {mayChange && (
            <ConfirmAction
              look={person.isActive ? 'quiet-danger' : 'plain'}
              label={person.isActive ? text.person.disable : text.person.enable}
              title={person.isActive ? text.person.disableTitle(name) : text.person.enableTitle(name)}
              body={person.isActive ? text.person.disableBody : text.person.enableBody}
              doLook={person.isActive ? 'danger' : 'main'}
              act={async () => {
                await put.mutateAsync({
                  params: { tenant, plural: 'users', name },
                  body: {
                    spec: { ...resource.spec, status: person.isActive ? 'disabled' : 'active' },
                    version: resource.version,
                  },
                })
              }}
            />
          )}
        </>
      }
    >
      <ContainedNote kind="user" name={name} />
      <div className="panel panel-pad">
        <Facts
          wide
          facts={[
            [
              text.column.name,
              <span key="n" className="mono">
                {name}
              </span>,
            ],
            [
              text.column.status,
              <Status key="s" kind={person.isActive ? 'allow' : 'quiet'}>
                {person.isActive ? text.status.active : text.status.disabled}
              </Status>,
            ],
            person.email !== null && [text.people.email, person.email],
            [text.column.groups, <Tags key="g" names={person.groups} />],
            person.organisation !== null && [text.column.organisation, person.organisation],
            [
              text.person.identities,
              person.identities.length === 0 ? (
                <span key="b" className="quiet">
                  {text.person.builtIn}
                </span>
              ) : (
                <span key="i" className="mono">
                  {person.identities.join(', ')}
                </span>
              ),
            ],
          ]}
        />
      </div>
      <OpenStories userId={resource.id} />
      <ReachTable of="person" name={name} />
      <Section title={text.person.sessions}>
        <SessionTable
          ofOne
          sessions={sessions}
          error={sessionList.error}
          empty={<p className="state state-small">{text.person.noSessions}</p>}
        />
      </Section>
      <Section title={text.person.devices}>
        <DeviceTable
          ofOne
          devices={devices}
          error={deviceList.error}
          empty={<p className="state state-small">{text.person.noDevices}</p>}
        />
      </Section>
      <LastDenials search={{ user: name }} />
      <Section
        title={text.person.events}
        acts={
          <Link
            to="/t/$tenant/events"
            params={{ tenant }}
            search={{ user: name }}
            className={buttonClass('text', true)}
          >
            {text.person.allEvents}
          </Link>
        }
      >
        <EventTable
          events={events}
          error={eventList.error}
          chosen={null}
          search={{ user: name }}
          empty={<p className="state state-small">{text.person.noEvents}</p>}
        />
      </Section>
    </Page>
  )
}

/** What detection noticed about this person and nobody has closed. */
function OpenStories({ userId }: { readonly userId: string }): ReactNode {
  const tenant = useTenant()
  const list = useRoute('listStories', { params: { tenant }, query: { user: userId, limit: 20 } }, listRefresh)
  const open = list.data?.items.filter(({ state }) => state !== 'closed') ?? []
  if (open.length === 0) return null
  return (
    <Section title={text.risk.title}>
      {open.map((story) => (
        <Note key={story.id} kind={story.level === 'contain' || story.level === 'cut' ? 'deny' : 'warn'}>
          <Link to="/t/$tenant/stories/$id" params={{ tenant, id: story.id }} className="text-link">
            {text.stories.kinds[story.kind] ?? story.kind}
          </Link>{' '}
          · {text.stories.levels[story.level]} · {story.score}: {story.sentence}
        </Note>
      ))}
    </Section>
  )
}
