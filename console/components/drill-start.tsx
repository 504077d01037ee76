// The button that starts a drill: the proof is made and shown first, and without it there is nothing to press.
import { useNavigate } from '@tanstack/react-router'
import { useEffect, type ReactNode } from 'react'
import { useChange } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { FormAction } from './form-action.tsx'
import { FaultNote } from './state.tsx'
import { useTenant } from './who.ts'

const words = text.drills

type Props = { readonly name: string; readonly title: string; readonly label?: string }

export function DrillStart({ name, title, label = words.play }: Props): ReactNode {
  const tenant = useTenant()
  const navigate = useNavigate()
  const play = useChange('playDrill').mutateAsync
  return (
    <FormAction
      inRow
      label={label}
      title={words.playTitle(title)}
      lead={words.playLead}
      submit={words.play}
      act={async () => {
        const { id } = await play({ params: { tenant }, body: { scenario: name } })
        void navigate({ to: '/t/$tenant/drills/$id', params: { tenant, id } })
      }}
    >
      <Proof scenario={name} />
    </FormAction>
  )
}

/** Made each time that it is looked at: policies may have changed since. */
function Proof({ scenario }: { readonly scenario: string }): ReactNode {
  const tenant = useTenant()
  const { mutate, data, error } = useChange('proveDrill')
  useEffect(() => {
    mutate({ params: { tenant }, body: { scenario } })
  }, [mutate, tenant, scenario])
  if (error) return <FaultNote error={error} />
  return (
    <p className="second" role="status">
      {data === undefined ? words.proving : words.proven(data.identities, data.realApps, data.policies)}
    </p>
  )
}
