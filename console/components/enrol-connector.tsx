// Makes a one-time token and shows the one command that starts a connector with it.
import { useState, type ReactNode } from 'react'
import { useChange } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { SelectField, TextField } from './field.tsx'
import { FormAction } from './form-action.tsx'
import { SecretOnce } from './secret-once.tsx'
import { useSuggestions } from './use-suggestions.ts'
import { useTenant } from './who.ts'

const lifetimes = [
  ['3600', text.connectors.hours(1)],
  ['86400', text.connectors.hours(24)],
  ['604800', text.connectors.days(7)],
] as const

export function EnrolConnector({
  group: fixed,
  inRow = false,
  look = 'plain',
}: {
  readonly group?: string
  readonly inRow?: boolean
  readonly look?: 'plain' | 'main'
}): ReactNode {
  const tenant = useTenant()
  const make = useChange('createEnrolmentToken')
  const [group, setGroup] = useState(fixed ?? '')
  const [seconds, setSeconds] = useState('3600')
  const groups = useSuggestions('connector-groups', group, fixed === undefined)
  return (
    <FormAction
      label={text.connectors.enrol}
      look={look}
      {...(fixed === undefined && { opensBy: 'enrol' })}
      inRow={inRow}
      title={text.connectors.enrol}
      lead={text.connectors.emptyLead}
      submit={text.connectors.makeToken}
      act={async () => {
        const made = await make.mutateAsync({
          params: { tenant },
          body: { connectorGroup: group, expiresInSeconds: Number(seconds) },
        })
        return {
          title: text.connectors.enrol,
          content: <SecretOnce label={text.connectors.command} value={made.command} expiresAt={made.expiresAt} />,
        }
      }}
    >
      <div className="fields">
        <TextField
          label={text.connectors.group}
          hint={text.connectors.groupHint}
          value={group}
          onText={setGroup}
          options={groups}
          required
          readOnly={fixed !== undefined}
          maxLength={40}
        />
        <SelectField label={text.connectors.expires} value={seconds} onText={setSeconds} choices={lifetimes} />
      </div>
    </FormAction>
  )
}
