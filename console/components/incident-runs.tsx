// Playbooks in an incident: what has run, what asks, and the answers.
import type { ReactNode } from 'react'
import type { IncidentView } from '#core/api/incident-routes.ts'
import type { PlaybookRunView } from '#core/api/playbook-routes.ts'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { ConfirmAction } from './confirm-action.tsx'
import { DataTable } from './data-table.tsx'
import { Moment } from './moment.tsx'
import { Section } from './page.tsx'
import { Status } from './status.tsx'
import { useMayChange, useTenant } from './who.ts'
import { text } from '#console/messages/text.ts'

const words = text.incidents

export function IncidentRuns({ incident }: { readonly incident: IncidentView }): ReactNode {
  const tenant = useTenant()
  const runs = useRoute('listPlaybookRuns', { params: { tenant }, query: { incident: incident.id } }, listRefresh)
  return (
    <Section title={words.playbooks}>
      <DataTable<PlaybookRunView>
        label={words.playbooks}
        columns={[
          {
            id: 'playbook',
            head: words.playbooks,
            cell: (run) => (
              <span className="two">
                {run.playbook}
                <span className="second">{run.question ?? run.why ?? ''}</span>
              </span>
            ),
          },
          {
            id: 'state',
            head: words.state,
            look: 'tight',
            cell: ({ state }) => (
              <Status kind={state === 'asking' ? 'warn' : state === 'failed' ? 'deny' : 'quiet'}>
                {words.runStates[state]}
              </Status>
            ),
          },
          { id: 'started', head: words.opened, look: 'end', cell: ({ startedAt }) => <Moment at={startedAt} /> },
          { id: 'acts', head: words.answerYes, look: 'acts', cell: (run) => <Answers run={run} /> },
        ]}
        rows={runs.data?.items}
        rowKey={({ id }) => id}
        error={runs.error}
        onRetry={() => void runs.refetch()}
        empty={<p className="state state-small">{words.noRuns}</p>}
      />
    </Section>
  )
}

function Answers({ run }: { readonly run: PlaybookRunView }): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const answer = useChange('answerPlaybook').mutateAsync
  const stop = useChange('stopPlaybook').mutateAsync
  if (!mayChange || run.endedAt !== null) return null
  const params = { tenant, id: run.id }
  return (
    <span className="row">
      {run.state === 'asking' &&
        (['yes', 'no'] as const).map((each) => (
          <ConfirmAction
            key={each}
            inRow
            look="plain"
            label={each === 'yes' ? words.answerYes : words.answerNo}
            title={run.question ?? ''}
            body={words.answerBody}
            doLook="main"
            act={async () => {
              await answer({ params, body: { answer: each } })
            }}
          />
        ))}
      <ConfirmAction
        inRow
        label={words.stop}
        title={words.stopTitle}
        body={words.stopBody}
        doLook="danger"
        act={async () => {
          await stop({ params })
        }}
      />
    </span>
  )
}
