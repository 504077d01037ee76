// The library of scenarios and the ATT&CK techniques that they have proven: what to rehearse next.
import type { ReactNode } from 'react'
import { listRefresh, useRoute } from '#console/api/use-route.ts'
import type { Reply } from '#console/api/client.ts'
import { text } from '#console/messages/text.ts'
import { DataTable } from './data-table.tsx'
import { DrillSchedule } from './drill-schedule.tsx'
import { DrillStart } from './drill-start.tsx'
import { Moment } from './moment.tsx'
import { Section, Tags } from './page.tsx'
import { Status, type StatusKind } from './status.tsx'
import { useMayChange, useTenant } from './who.ts'

const words = text.drills
type View = Reply<'getAttackView'>
const looks: Readonly<Record<View['techniques'][number]['state'], StatusKind>> = {
  proven: 'allow',
  failed: 'deny',
  stale: 'warn',
  untested: 'quiet',
}

export function DrillLibrary(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const found = useRoute('getAttackView', { params: { tenant }, query: {} }, listRefresh)
  const state = { error: found.error, onRetry: () => void found.refetch() }
  return (
    <>
      <Section title={words.library} hint={words.libraryLead}>
        <DataTable<View['scenarios'][number]>
          label={words.library}
          columns={[
            {
              id: 'scenario',
              head: words.scenario,
              cell: (scenario) => (
                <span className="two">
                  <span className="strong">{scenario.title}</span>
                  <span className="second mono">{scenario.name}</span>
                </span>
              ),
            },
            { id: 'level', head: words.level, look: 'tight', cell: ({ level }) => words.levels[level] },
            { id: 'attack', head: words.techniques, cell: ({ techniques }) => <Tags names={techniques} /> },
            {
              id: 'last',
              head: words.last,
              look: 'end',
              cell: ({ lastVerdict, lastAt }) =>
                lastVerdict === null || lastAt === null ? (
                  words.never
                ) : (
                  <Status kind={lastVerdict === 'passed' ? 'allow' : 'deny'}>
                    {words[lastVerdict]} <Moment at={lastAt} />
                  </Status>
                ),
            },
            {
              id: 'acts',
              head: text.column.action,
              look: 'acts',
              cell: ({ name, title }) => mayChange && <DrillStart name={name} title={title} />,
            },
          ]}
          rows={found.data?.scenarios}
          rowKey={({ name }) => name}
          {...state}
          empty={<p className="state state-small">{words.noLibrary}</p>}
        />
      </Section>
      {mayChange && found.data && <DrillSchedule scenarios={found.data.scenarios.map(({ name }) => name)} />}
      <Section title={words.attack}>
        <DataTable<View['techniques'][number]>
          label={words.attack}
          columns={[
            { id: 'id', head: words.techniques, look: 'tight', cell: ({ id }) => <span className="mono">{id}</span> },
            {
              id: 'state',
              head: words.verdict,
              look: 'tight',
              cell: (technique) => (
                <Status kind={looks[technique.state]}>{words.techniqueStates[technique.state]}</Status>
              ),
            },
            { id: 'by', head: words.scenario, cell: ({ scenarios }) => scenarios.join(', ') },
            {
              id: 'last',
              head: words.last,
              look: 'end',
              cell: ({ lastAt }) => (lastAt === null ? words.never : <Moment at={lastAt} />),
            },
          ]}
          rows={found.data?.techniques}
          rowKey={({ id }) => id}
          {...state}
          empty={<p className="state state-small">{words.noLibrary}</p>}
        />
      </Section>
    </>
  )
}
