// The button of a change that matters: opens the confirmation that names what will happen and shows what did.
import type { ReactNode } from 'react'
import { useAct, type Act } from './act-host.tsx'
import { Button, type ButtonLook } from './button.tsx'

type Props = Act & {
  /** Said in place of the label where the button stands in a row and its object must be named. */
  readonly name?: string
  readonly look?: ButtonLook
  readonly inRow?: boolean
  readonly disabled?: boolean
}

export function ConfirmAction({
  name,
  look = 'quiet-danger',
  inRow = false,
  disabled = false,
  ...act
}: Props): ReactNode {
  const open = useAct()
  return (
    <Button
      look={look}
      inRow={inRow}
      disabled={disabled}
      aria-label={name}
      aria-haspopup="dialog"
      onClick={() => open(act)}
    >
      {act.label}
    </Button>
  )
}
