// Who may reach what, and why, one line each: the apps of a person, or the people of an app.
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { Reply } from '#console/api/client.ts'
import { usePages } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'
import { DataTable, PageFoot, type Column } from './data-table.tsx'
import { Section } from './page.tsx'
import { Status } from './status.tsx'
import { useTenant } from './who.ts'

type Row = {
  readonly name: string
  readonly displayName: string
  readonly decision: Reply<'listAppsOfPerson'>['items'][number]['decision']
}
type Props = { readonly of: 'person' | 'app'; readonly name: string }

const words = text.mayReach

export function ReachTable({ of, name }: Props): ReactNode {
  const tenant = useTenant()
  const navigate = useNavigate()
  const { device, who }: { device?: string | undefined; who?: string | undefined } = useSearch({ strict: false })
  const posture = device === '0' || device === '1' || device === '2' ? Number(device) : undefined
  const decision = who === 'deny' || who === 'all' ? who : ('allow' as const)
  const query = {
    limit: caps.reachRows,
    ...(posture !== undefined && { posture }),
    ...(decision !== 'all' && { decision: decision === 'deny' ? ('deny' as const) : ('allow' as const) }),
  }
  const apps = usePages('listAppsOfPerson', { params: { tenant, name }, query }, { enabled: of === 'person' })
  const people = usePages('listPeopleOfApp', { params: { tenant, name }, query }, { enabled: of === 'app' })
  const list = of === 'person' ? apps : people
  const rows: readonly Row[] | undefined = list.items
  const columns = useMemo<readonly Column<Row>[]>(
    () => [
      {
        id: 'name',
        head: of === 'person' ? text.column.app : text.column.person,
        cell: (row) => (
          <Link
            to={of === 'person' ? '/t/$tenant/apps/$name' : '/t/$tenant/people/$name'}
            params={{ tenant, name: row.name }}
            className="row-link"
          >
            {row.displayName || row.name}
          </Link>
        ),
      },
      {
        id: 'decision',
        head: text.column.outcome,
        look: 'tight',
        cell: (row) => (
          <Status kind={row.decision.decision}>
            {row.decision.decision === 'allow' ? text.status.allow : text.status.deny}
          </Status>
        ),
      },
      {
        id: 'why',
        head: words.why,
        cell: ({ decision: made }) =>
          made.decision === 'allow' ? (
            <span className="tags">
              {made.policies.map((policy) => (
                <Link
                  key={policy.id}
                  to="/t/$tenant/policies/$name"
                  params={{ tenant, name: policy.name.split('#')[0] || policy.name }}
                  className="tag"
                >
                  {policy.name}
                </Link>
              ))}
            </span>
          ) : (
            <span className="second">{made.missing[0]?.conditions[0] ?? made.message}</span>
          ),
      },
      {
        id: 'explain',
        head: text.column.action,
        look: 'acts',
        cell: (row) => (
          <Link
            to="/t/$tenant/explain"
            params={{ tenant }}
            search={{
              ...(of === 'person' ? { user: name, app: row.name } : { user: row.name, app: name }),
              ...(posture !== undefined && { posture: String(posture) }),
            }}
            className="button button-text button-row"
            aria-label={words.explainOf(row.displayName || row.name)}
          >
            {text.nav.explain}
          </Link>
        ),
      },
    ],
    [tenant, of, name, posture],
  )
  const change = (next: Readonly<Record<string, string | undefined>>) =>
    void navigate({
      to: '.',
      search: (before: object) => ({ ...before, ...next }),
      replace: true,
      resetScroll: false,
    })
  return (
    <Section
      title={of === 'person' ? words.apps : words.people}
      hint={words.hint}
      acts={
        <div className="toolbar">
          <select
            className="input"
            aria-label={words.which}
            value={decision}
            onChange={(event) => change({ who: event.target.value === 'allow' ? undefined : event.target.value })}
          >
            <option value="allow">{words.allowed}</option>
            <option value="deny">{words.denied}</option>
            <option value="all">{words.all}</option>
          </select>
          <select
            className="input"
            aria-label={text.explain.posture}
            value={device ?? ''}
            onChange={(event) => change({ device: event.target.value || undefined })}
          >
            <option value="">{words.noDevice}</option>
            {text.posture.map((label, level) => (
              <option key={label} value={String(level)}>
                {words.device(label)}
              </option>
            ))}
          </select>
        </div>
      }
    >
      <DataTable
        label={of === 'person' ? words.apps : words.people}
        columns={columns}
        rows={rows}
        rowKey={(row) => row.name}
        error={list.error}
        onRetry={list.retry}
        isStale={list.isStale}
        empty={
          <p className="state state-small">
            {decision === 'allow' ? (of === 'person' ? words.noApp : words.nobody) : words.nothing}
          </p>
        }
        foot={<PageFoot shown={rows?.length ?? 0} total={null} next={list.next} after={undefined} more={list} />}
      />
    </Section>
  )
}
