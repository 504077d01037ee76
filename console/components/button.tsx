// The one button. Its label is a verb and, where it stands alone, an object.
import type { ButtonHTMLAttributes, ReactNode } from 'react'

export type ButtonLook = 'plain' | 'main' | 'danger' | 'text' | 'quiet-danger'

type Props = Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'className' | 'style'> & {
  readonly look?: ButtonLook
  readonly inRow?: boolean
  readonly busy?: boolean
}

export function buttonClass(look: ButtonLook = 'plain', inRow = false): string {
  return `button${look === 'plain' ? '' : ` button-${look}`}${inRow ? ' button-row' : ''}`
}

export function Button({ look = 'plain', inRow = false, busy = false, disabled, ...rest }: Props): ReactNode {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled === true || busy}
      aria-busy={busy || undefined}
      className={buttonClass(look, inRow)}
    />
  )
}
