// Gaps that drills have found: whose they are, and the drill that tests them again.
import { useState, type ReactNode } from 'react'
import type { DrillGap } from '#core/api/drill-routes.ts'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { DataTable } from './data-table.tsx'
import { DrillStart } from './drill-start.tsx'
import { TextField } from './field.tsx'
import { FormAction } from './form-action.tsx'
import { Moment } from './moment.tsx'
import { Section } from './page.tsx'
import { Status } from './status.tsx'
import { useMayChange, useTenant } from './who.ts'

const words = text.drills

export function DrillGaps(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const found = useRoute('listDrillGaps', { params: { tenant }, query: { limit: 100 } }, listRefresh)
  return (
    <Section title={words.gaps} hint={words.gapsLead}>
      <DataTable<DrillGap>
        label={words.gaps}
        columns={[
          {
            id: 'gap',
            head: words.gap,
            cell: ({ expectation, scenario, measured }) => (
              <span className="two">
                <span className="strong">{expectation}</span>
                <span className="second">
                  {scenario}: {measured}
                </span>
              </span>
            ),
          },
          {
            id: 'state',
            head: words.verdict,
            look: 'tight',
            cell: ({ state, failures }) => (
              <Status kind={state === 'open' ? 'deny' : 'allow'}>
                {words.gapStates[state]} · {words.failures(failures)}
              </Status>
            ),
          },
          { id: 'owner', head: words.owner, cell: ({ owner }) => owner },
          { id: 'opened', head: words.started, look: 'end', cell: ({ openedAt }) => <Moment at={openedAt} /> },
          {
            id: 'acts',
            head: text.column.action,
            look: 'acts',
            cell: ({ id, scenario, state }) =>
              mayChange &&
              state === 'open' && (
                <span className="row">
                  <Assign id={id} />
                  <DrillStart name={scenario} title={scenario} label={words.retest} />
                </span>
              ),
          },
        ]}
        rows={found.data?.items}
        rowKey={({ id }) => id}
        error={found.error}
        onRetry={() => void found.refetch()}
        empty={<p className="state state-small">{words.noGaps}</p>}
      />
    </Section>
  )
}

function Assign({ id }: { readonly id: string }): ReactNode {
  const tenant = useTenant()
  const assign = useChange('assignDrillGap').mutateAsync
  const [owner, setOwner] = useState('')
  return (
    <FormAction
      inRow
      label={words.assign}
      title={words.assignTitle}
      submit={words.assign}
      onClosed={() => setOwner('')}
      act={async () => {
        await assign({ params: { tenant, id }, body: { owner } })
      }}
    >
      <TextField label={words.owner} value={owner} onText={setOwner} required maxLength={120} />
    </FormAction>
  )
}
