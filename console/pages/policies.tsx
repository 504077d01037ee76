// *Policies*: who may reach what.
import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { Resource } from '#core/api/views.ts'
import { plain } from '#console/api/plain-text.ts'
import { readPolicy } from '#console/api/spec-view.ts'
import { usePages } from '#console/api/use-route.ts'
import { buttonClass } from '#console/components/button.tsx'
import { DataTable, type Column } from '#console/components/data-table.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Moment } from '#console/components/moment.tsx'
import { Page } from '#console/components/page.tsx'
import { PagedList, pagedState } from '#console/components/paged-list.tsx'
import { PolicyChecksNow } from '#console/components/policy-checks.tsx'
import { Empty } from '#console/components/state.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

export function PoliciesPage(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const { search, after, query } = useListSearch()
  const list = usePages('listResources', { params: { tenant, plural: 'policies' }, query })
  const columns = useMemo<readonly Column<Resource>[]>(
    () => [
      {
        id: 'name',
        head: text.column.name,
        cell: (policy) => (
          <Link to="/t/$tenant/policies/$name" params={{ tenant, name: policy.name }} className="row-link">
            {policy.name}
          </Link>
        ),
      },
      {
        id: 'description',
        head: text.column.description,
        look: 'clip',
        cell: (policy) => {
          const { description, text: body } = readPolicy(policy)
          return description === null ? (
            <code className="second">{plain(body.slice(0, 400).replace(/\s+/g, ' ')).slice(0, 90)}</code>
          ) : (
            <span className="second">{description}</span>
          )
        },
      },
      { id: 'updated', head: text.column.updated, look: 'end', cell: (policy) => <Moment at={policy.updatedAt} /> },
    ],
    [tenant],
  )
  const write = mayChange && (
    <Link to="/t/$tenant/new-policy" params={{ tenant }} className={buttonClass('main')}>
      {text.policies.new}
    </Link>
  )
  const acts = (
    <>
      <Link to="/t/$tenant/policy-history" params={{ tenant }} className={buttonClass()}>
        {text.policyHistory.title}
      </Link>
      <Link to="/t/$tenant/reach" params={{ tenant }} className={buttonClass()}>
        {text.whatIf.reach}
      </Link>
      <Link to="/t/$tenant/least-privilege" params={{ tenant }} className={buttonClass()}>
        {text.whatIf.least}
      </Link>
      {write}
    </>
  )
  return (
    <Page title={text.policies.title} acts={acts}>
      <div className="stack">
        <PagedList>
          <DataTable
            label={text.policies.title}
            columns={columns}
            rows={list.items}
            rowKey={(policy) => policy.id}
            {...pagedState(
              list,
              { search, after },
              <Empty title={text.policies.empty} lead={text.policies.emptyLead}>
                {write}
              </Empty>,
            )}
          />
        </PagedList>
        <PolicyChecksNow />
      </div>
    </Page>
  )
}
