// What can be done about an incident, as buttons: take, triage, comment, contain, recover, close, open again, playbook.
import { useState, type ReactNode } from 'react'
import type { IncidentLink, IncidentView } from '#core/api/incident-routes.ts'
import { useChange } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { ChoiceField, type Choice } from './choice-field.tsx'
import { ConfirmAction } from './confirm-action.tsx'
import { SelectField, TextField } from './field.tsx'
import { FormAction } from './form-action.tsx'
import { useTenant } from './who.ts'

const words = text.incidents
const severities = Object.entries(words.severities)
const causes = Object.entries(words.causes)
const CONTAIN_SECONDS = 4 * 3600
const containable = ['user', 'device', 'session', 'app', 'connector', 'organisation'] as const

type Props = { readonly incident: IncidentView; readonly links: readonly IncidentLink[] }

export function IncidentActs({ incident, links }: Props): ReactNode {
  const tenant = useTenant()
  const change = useChange('changeIncident').mutateAsync
  const recover = useChange('recoverIncident').mutateAsync
  const params = { tenant, id: incident.id }
  if (incident.state === 'closed')
    return (
      <ConfirmAction
        look="plain"
        label={words.reopen}
        title={words.reopen}
        body={words.reopenBody}
        doLook="main"
        act={async () => {
          await change({ params, body: { reopen: true } })
        }}
      />
    )
  const severity: Choice = { value: incident.severity }
  return (
    <>
      {incident.takenBy === null && (
        <ConfirmAction
          look="plain"
          label={words.take}
          title={words.take}
          body={incident.title}
          doLook="main"
          act={async () => {
            await change({ params, body: { take: true } })
          }}
        />
      )}
      <ConfirmAction
        look="plain"
        label={words.triage}
        title={words.triageTitle}
        body={incident.title}
        doLook="main"
        act={async () => {
          await change({ params, body: { severity: severity.value as IncidentView['severity'] } })
        }}
      >
        <ChoiceField label={words.severity} choice={severity} choices={severities} />
      </ConfirmAction>
      <Comment params={params} />
      <Start params={params} />
      <Contain params={params} links={links} />
      {links.some(({ kind }) => kind === 'containment') && (
        <ConfirmAction
          look="plain"
          label={words.recover}
          title={words.recoverTitle}
          body={words.recoverBody}
          doLook="main"
          act={async () => (await recover({ params, body: {} })).effect}
        />
      )}
      <Close params={params} />
    </>
  )
}

type Params = { readonly params: { readonly tenant: string; readonly id: string } }

function Comment({ params }: Params): ReactNode {
  const change = useChange('changeIncident').mutateAsync
  const [comment, setComment] = useState('')
  return (
    <FormAction
      label={words.comment}
      title={words.commentTitle}
      submit={words.comment}
      onClosed={() => setComment('')}
      act={async () => {
        await change({ params, body: { comment } })
      }}
    >
      <TextField label={words.words} value={comment} onText={setComment} required maxLength={4000} />
    </FormAction>
  )
}

function Start({ params }: Params): ReactNode {
  const start = useChange('startPlaybook').mutateAsync
  const [playbook, setPlaybook] = useState('')
  return (
    <FormAction
      label={words.start}
      title={words.startTitle}
      submit={words.start}
      onClosed={() => setPlaybook('')}
      act={async () => {
        await start({ params, body: { playbook } })
      }}
    >
      <TextField label={words.startName} value={playbook} onText={setPlaybook} required maxLength={63} />
    </FormAction>
  )
}

function Contain({ params, links }: Params & { readonly links: readonly IncidentLink[] }): ReactNode {
  const contain = useChange('containInIncident').mutateAsync
  const subjects = links.flatMap(({ kind, id, name }) => {
    const known = containable.find((each) => each === kind)
    return known === undefined ? [] : [{ kind: known, id, name }]
  })
  const [first] = subjects
  if (!first) return null
  const choice: Choice = { value: first.id }
  return (
    <ConfirmAction
      label={words.contain}
      title={words.containTitle}
      body={words.containBody}
      doLook="danger"
      act={async () => {
        const subject = subjects.find(({ id }) => id === choice.value) ?? first
        const body = { kind: subject.kind, name: subject.id, expiresInSeconds: CONTAIN_SECONDS }
        return (await contain({ params, body })).effect
      }}
    >
      <ChoiceField
        label={words.whom}
        choice={choice}
        choices={subjects.map(({ kind, id, name }) => [id, `${kind} ${name}`] as const)}
      />
    </ConfirmAction>
  )
}

function Close({ params }: Params): ReactNode {
  const change = useChange('changeIncident').mutateAsync
  const [cause, setCause] = useState('attack')
  const [summary, setSummary] = useState('')
  return (
    <FormAction
      label={words.close}
      title={words.closeTitle}
      lead={words.closeLead}
      submit={words.close}
      onClosed={() => setSummary('')}
      act={async () => {
        const close = { cause: cause as NonNullable<IncidentView['cause']>, text: summary }
        await change({ params, body: { close } })
      }}
    >
      <SelectField label={words.cause} value={cause} choices={causes} onText={setCause} />
      <TextField label={words.summary} value={summary} onText={setSummary} maxLength={4000} />
    </FormAction>
  )
}
