// *People*: everyone of the tenant, and the way to add someone.
import { Link } from '@tanstack/react-router'
import { useMemo, useState, type ReactNode } from 'react'
import { readPerson, type PersonView } from '#console/api/spec-view.ts'
import { useChange, usePages } from '#console/api/use-route.ts'
import { DataTable, type Column } from '#console/components/data-table.tsx'
import { TextField } from '#console/components/field.tsx'
import { FormAction } from '#console/components/form-action.tsx'
import { useListSearch } from '#console/components/list-search.ts'
import { Page, Tags } from '#console/components/page.tsx'
import { PagedList, pagedState } from '#console/components/paged-list.tsx'
import { Empty } from '#console/components/state.tsx'
import { Status } from '#console/components/status.tsx'
import { namesIn } from '#console/components/names-in.ts'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

export function PeoplePage(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const { search, after, query } = useListSearch()
  const list = usePages('listResources', { params: { tenant, plural: 'users' }, query })
  const people = useMemo(() => list.items?.map(readPerson), [list.items])
  const columns = useMemo<readonly Column<PersonView>[]>(
    () => [
      {
        id: 'name',
        head: text.column.person,
        cell: (person) => (
          <span className="two">
            <Link to="/t/$tenant/people/$name" params={{ tenant, name: person.name }} className="row-link">
              {person.displayName}
            </Link>
            {person.displayName !== person.name && <span className="small quiet">{person.name}</span>}
          </span>
        ),
      },
      {
        id: 'groups',
        head: text.column.groups,
        cell: (person) => <Tags names={person.groups} />,
        isEmpty: (person) => person.groups.length === 0,
      },
      {
        id: 'organisation',
        head: text.column.organisation,
        cell: (person) => person.organisation,
        isEmpty: (person) => person.organisation === null,
      },
      {
        id: 'status',
        head: text.column.status,
        cell: (person) => (
          <Status kind={person.isActive ? 'allow' : 'quiet'}>
            {person.isActive ? text.status.active : text.status.disabled}
          </Status>
        ),
      },
    ],
    [tenant],
  )
  const add = mayChange && <AddPerson />
  return (
    <Page title={text.people.title} acts={add}>
      <PagedList>
        <DataTable
          label={text.people.title}
          columns={columns}
          rows={people}
          rowKey={(person) => person.name}
          {...pagedState(list, { search, after }, <Empty title={text.people.empty} lead={text.people.emptyLead} />)}
        />
      </PagedList>
    </Page>
  )
}

function AddPerson(): ReactNode {
  const tenant = useTenant()
  const apply = useChange('apply')
  const [name, setName] = useState('')
  const [displayName, setDisplayName] = useState('')
  const [email, setEmail] = useState('')
  const [groups, setGroups] = useState('')
  return (
    <FormAction
      label={text.people.add}
      opensBy="add"
      look="main"
      title={text.people.add}
      submit={text.people.addDo}
      act={async () => {
        const spec = {
          ...(displayName && { displayName }),
          ...(email && { email }),
          ...(groups && { groups: namesIn(groups) }),
        }
        await apply.mutateAsync({ params: { tenant }, body: { documents: [{ kind: 'User', name, spec }] } })
        return {
          title: text.people.added(name),
          content: (
            <p className="second">
              {text.people.inviteNext}{' '}
              <Link to="/t/$tenant/people/$name" params={{ tenant, name }} className="text-link">
                {name}
              </Link>
            </p>
          ),
        }
      }}
    >
      <div className="fields">
        <TextField
          label={text.people.name}
          hint={text.people.nameHint}
          value={name}
          onText={setName}
          required
          maxLength={127}
        />
        <TextField
          label={text.people.display}
          value={displayName}
          onText={setDisplayName}
          maxLength={200}
          autoCapitalize="words"
        />
        <TextField label={text.people.email} value={email} onText={setEmail} type="email" maxLength={320} />
        <TextField label={text.people.groups} hint={text.people.groupsHint} value={groups} onText={setGroups} />
      </div>
    </FormAction>
  )
}
