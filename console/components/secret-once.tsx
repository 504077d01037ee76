// A secret that is shown once: a command, token or link. Must never be kept after the dialog closes.
import { useState, type ReactNode } from 'react'
import { text } from '#console/messages/text.ts'
import { Button } from './button.tsx'
import { Icon } from './icon.tsx'
import { Moment } from './moment.tsx'
import { Note } from './state.tsx'

export function CopyBox({ value, label }: { readonly value: string; readonly label: string }): ReactNode {
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value)
      setCopied(true)
      setTimeout(() => setCopied(false), 2_000)
    } catch {
      // No permission: the text stands there to be selected.
    }
  }
  return (
    <div className="secret" role="group" aria-label={label}>
      <code>{value}</code>
      <Button inRow onClick={() => void copy()}>
        <Icon name={isCopied ? 'check' : 'copy'} size={14} />
        <span aria-live="polite">{isCopied ? text.action.copied : text.action.copy}</span>
      </Button>
    </div>
  )
}

export function SecretOnce({
  value,
  label,
  expiresAt,
}: {
  readonly value: string
  readonly label: string
  readonly expiresAt?: string
}): ReactNode {
  return (
    <div className="stack">
      <p className="second">{label}</p>
      <CopyBox value={value} label={label} />
      <Note kind="warn">
        {text.action.once}{' '}
        {expiresAt && (
          <>
            {text.column.expires}: <Moment at={expiresAt} form="day-time" />.
          </>
        )}
      </Note>
    </div>
  )
}
