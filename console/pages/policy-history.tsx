// *History* of the policies: each version with who, when, why and what.
import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { PolicyVersion } from '#core/api/policy-history-routes.ts'
import { plain } from '#console/api/plain-text.ts'
import { usePages } from '#console/api/use-route.ts'
import { DataTable, type Column } from '#console/components/data-table.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Moment } from '#console/components/moment.tsx'
import { Page } from '#console/components/page.tsx'
import { PagedList, pagedState } from '#console/components/paged-list.tsx'
import { Empty } from '#console/components/state.tsx'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

const words = text.policyHistory
const namesShown = 3

export function PolicyHistoryPage(): ReactNode {
  const tenant = useTenant()
  const { search, after, query } = useListSearch()
  const list = usePages('listPolicyVersions', { params: { tenant }, query })
  const columns = useMemo<readonly Column<PolicyVersion>[]>(
    () => [
      {
        id: 'version',
        head: words.version,
        cell: ({ version }) => (
          <Link
            to="/t/$tenant/policy-history/$version"
            params={{ tenant, version: String(version) }}
            className="row-link"
          >
            {version}
          </Link>
        ),
      },
      { id: 'changed', head: words.changed, look: 'clip', cell: (version) => <Changed version={version} /> },
      {
        id: 'why',
        head: words.why,
        look: 'clip',
        cell: (version) => <span className="second">{reasonOf(version)}</span>,
      },
      { id: 'by', head: words.by, cell: (version) => whoOf(version) },
      { id: 'at', head: text.column.updated, look: 'end', cell: ({ at }) => <Moment at={at} /> },
    ],
    [tenant],
  )
  return (
    <Page
      title={words.title}
      lead={words.lead}
      crumb={
        <Link to="/t/$tenant/policies" params={{ tenant }}>
          {text.policies.title}
        </Link>
      }
    >
      <PagedList>
        <DataTable
          label={words.title}
          columns={columns}
          rows={list.items}
          rowKey={({ version }) => String(version)}
          {...pagedState(list, { search, after }, <Empty title={words.empty} lead={words.emptyLead} />)}
        />
      </PagedList>
    </Page>
  )
}

function Changed({ version: { changes, total } }: { readonly version: PolicyVersion }): ReactNode {
  const shown = changes.slice(0, namesShown)
  return (
    <>
      {shown.map(({ kind, name, action }) => (
        <span key={`${kind} ${name}`}>
          {plain(name)} <span className="second">{words.kinds[action]}</span>{' '}
        </span>
      ))}
      {total > shown.length && <span className="second">{words.more(total - shown.length)}</span>}
    </>
  )
}

export function whoOf({ by, approvedBy }: PolicyVersion): string {
  return approvedBy === null ? plain(by) : words.byAndApproved(plain(by), plain(approvedBy))
}

export function reasonOf({ why, restores }: PolicyVersion): string {
  return [restores === null ? '' : words.backTo(restores), plain(why ?? '')].filter((part) => part !== '').join(': ')
}
