// From an empty installation to the first app reached: four steps, each checked off by what is true, not by a click.
// Gone for good once somebody has reached an app.
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useLook } from '#console/api/live-events.ts'
import { useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'
import { buttonClass } from './button.tsx'
import { Icon } from './icon.tsx'
import { useMayChange, useTenant } from './who.ts'

const words = text.firstRun

/** Undefined while nobody knows. */
function useReached(tenant: string): boolean | undefined {
  const query = { limit: 1, outcome: 'success' as const }
  const http = useRoute(
    'listEvents',
    { params: { tenant }, query: { ...query, class: 4002 } },
    { everyMs: caps.firstRunEveryMs },
  )
  const isHttp = (http.data?.items.length ?? 0) > 0
  const tcp = useRoute(
    'listEvents',
    { params: { tenant }, query: { ...query, class: 4001 } },
    { everyMs: isHttp ? false : caps.firstRunEveryMs, enabled: http.data !== undefined && !isHttp },
  )
  if (http.data === undefined) return undefined
  return isHttp || (tcp.data === undefined ? undefined : tcp.data.items.length > 0)
}

export function FirstRun(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const reached = useReached(tenant)
  return mayChange && reached === false ? <Steps tenant={tenant} /> : null
}

function Steps({ tenant }: { readonly tenant: string }): ReactNode {
  const every = { everyMs: caps.firstRunEveryMs, keep: true }
  const one = { limit: 1 }
  const apps = useRoute('listResources', { params: { tenant, plural: 'apps' }, query: { limit: 20 } }, every)
  const people = useRoute('listResources', { params: { tenant, plural: 'users' }, query: one }, every)
  const { look } = useLook(tenant)
  if (apps.data === undefined || people.data === undefined || look === null) return null
  const first = (apps.data.items.find(({ spec }) => spec['kind'] === 'http') ?? apps.data.items[0])?.name
  const steps = [
    {
      isDone: apps.data.total > 0,
      title: words.publish,
      lead: words.publishLead,
      act: (
        <Link to="/t/$tenant/publish" params={{ tenant }} className={buttonClass('main', true)}>
          {text.apps.publish}
        </Link>
      ),
    },
    {
      isDone: look.health.connectorsUp > 0,
      title: words.connector,
      lead: words.connectorLead,
      act: (
        <Link
          to="/t/$tenant/connectors"
          params={{ tenant }}
          search={{ act: 'enrol' }}
          className={buttonClass('main', true)}
        >
          {text.connectors.enrol}
        </Link>
      ),
    },
    {
      isDone: people.data.total > 1,
      title: words.person,
      lead: words.personLead,
      act: (
        <Link to="/t/$tenant/people" params={{ tenant }} search={{ act: 'add' }} className={buttonClass('main', true)}>
          {text.people.add}
        </Link>
      ),
    },
    {
      isDone: false,
      title: words.open,
      lead: words.openLead,
      act: first !== undefined && (
        <Link to="/t/$tenant/apps/$name" params={{ tenant, name: first }} className={buttonClass('main', true)}>
          {words.openAct(first)}
        </Link>
      ),
    },
  ]
  const next = steps.findIndex(({ isDone }) => !isDone)
  return (
    <section className="panel first-run" aria-label={words.title}>
      <div className="first-run-head">
        <h2>{words.title}</h2>
        <p className="second">{words.lead}</p>
      </div>
      <ol>
        {steps.map(({ isDone, title, lead, act }, at) => (
          <li key={title} className={isDone ? 'is-done' : at === next ? 'is-next' : ''}>
            <span className="first-run-mark" aria-hidden="true">
              {isDone ? <Icon name="check" size={14} /> : at + 1}
            </span>
            <div>
              <h3>
                {title} {isDone && <span className="hidden-text">{words.done}</span>}
              </h3>
              <p className="small second">{lead}</p>
            </div>
            {at === next && act}
          </li>
        ))}
      </ol>
    </section>
  )
}
