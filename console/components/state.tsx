// What stands where there is nothing to show: empty, failed. Each says what to do next.
import type { ReactNode } from 'react'
import { ApiFault } from '#console/api/api-fault.ts'
import { text } from '#console/messages/text.ts'
import { Button } from './button.tsx'
import { Icon } from './icon.tsx'

export function Empty({
  title,
  lead,
  children,
}: {
  readonly title: string
  readonly lead?: string
  readonly children?: ReactNode
}): ReactNode {
  return (
    <div className="state">
      <h2>{title}</h2>
      {lead && <p>{lead}</p>}
      {children}
    </div>
  )
}

/** The server's own words where it has some, ours where it could not speak. */
export function faultText(error: unknown): string {
  if (!(error instanceof ApiFault)) return text.faults.other
  const ours: Readonly<Record<string, string>> = text.faults
  return (error.message === '' ? ours[error.code] : error.message) ?? text.faults.other
}

export function Failed({
  error,
  onRetry,
  what,
}: {
  readonly error: unknown
  readonly onRetry?: () => void
  readonly what?: string
}): ReactNode {
  return (
    <div className="state" role="alert">
      <h2>{what ?? text.state.failed}</h2>
      <p>{faultText(error)}</p>
      {error instanceof ApiFault && <p className="small quiet">{text.state.unavailable(error.code)}</p>}
      {onRetry && <Button onClick={onRetry}>{text.state.retry}</Button>}
    </div>
  )
}

export function Note({
  kind = 'quiet',
  children,
  live = false,
}: {
  readonly kind?: 'quiet' | 'warn' | 'deny' | 'allow'
  readonly children: ReactNode
  readonly live?: boolean
}): ReactNode {
  return (
    <div className={`note note-${kind}`} role={kind === 'deny' ? 'alert' : live ? 'status' : undefined}>
      {kind !== 'quiet' && <Icon name={kind === 'allow' ? 'check' : 'warn'} />}
      <div>{children}</div>
    </div>
  )
}

/** A fault inside a form or dialog, with every place that the server named. */
export function FaultNote({ error }: { readonly error: unknown }): ReactNode {
  if (error === null || error === undefined) return null
  const faults = error instanceof ApiFault ? error.faults : []
  const at = error instanceof ApiFault && faults.length === 0 ? error.at : null
  return (
    <Note kind="deny">
      {faultText(error)}
      {at !== null && <span className="mono"> {at}</span>}
      {faults.length > 0 && (
        <ul>
          {faults.map((fault) => (
            <li key={`${fault.at} ${fault.message}`}>
              <span className="mono">{fault.at.replace(/^documents\[\d+\]\.?/, '')}</span> {fault.message}
            </li>
          ))}
        </ul>
      )}
    </Note>
  )
}
