// Policy text to read and to edit: Cedar's colours, line numbers, and a fault shown at its line. The editor is a plain
// textarea over its coloured copy, so that every keyboard, screen reader and phone can use it.
import { useMemo, type ReactNode } from 'react'
import type { Place } from '#console/api/api-fault.ts'
import { plain } from '#console/api/plain-text.ts'
import { caps } from '#console/caps.ts'
import { text as words } from '#console/messages/text.ts'
import { cedarLines } from './cedar-tokens.ts'

function Lines({ text, fault }: { readonly text: string; readonly fault: Place | null }): ReactNode {
  const lines = useMemo(() => cedarLines(text), [text])
  return lines.map((tokens, at) => (
    <span key={at} className={`code-line${fault?.line === at + 1 ? ' is-fault' : ''}`}>
      {tokens.map(({ kind, text: part }, index) =>
        kind === 'plain' ? (
          plain(part)
        ) : (
          <span key={index} className={`tok-${kind}`}>
            {plain(part)}
          </span>
        ),
      )}
    </span>
  ))
}

function Numbers({ text, fault }: { readonly text: string; readonly fault: Place | null }): ReactNode {
  const count = text.split('\n').length
  return (
    <div className="code-lines" aria-hidden="true">
      {Array.from({ length: count }, (_, at) => (
        <span key={at} className={fault?.line === at + 1 ? 'is-fault' : ''}>
          {at + 1}
        </span>
      ))}
    </div>
  )
}

export function PolicyView({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const trimmed = text.replace(/\n+$/, '')
  return (
    <div className="code">
      <Numbers text={trimmed} fault={null} />
      <div className="code-text" tabIndex={0} role="region" aria-label={label}>
        <pre>
          <Lines text={trimmed} fault={null} />
        </pre>
      </div>
    </div>
  )
}

export function PolicyEditor({
  text,
  onText,
  fault,
  label,
}: {
  readonly text: string
  readonly onText: (text: string) => void
  readonly fault: Place | null
  readonly label: string
}): ReactNode {
  const rows = Math.max(12, text.split('\n').length + 1)
  return (
    <div className="code">
      <Numbers text={text} fault={fault} />
      <div className="code-text code-edit">
        <pre aria-hidden="true">
          <Lines text={text} fault={fault} />
        </pre>
        <textarea
          aria-label={label}
          aria-invalid={fault !== null}
          spellCheck={false}
          autoCapitalize="none"
          autoComplete="off"
          maxLength={caps.policyCharacters}
          rows={rows}
          value={text}
          onChange={(event) => onText(event.target.value)}
          onScroll={(event) => {
            const copy = event.currentTarget.previousElementSibling
            if (copy) copy.scrollLeft = event.currentTarget.scrollLeft
          }}
        />
      </div>
      {fault && <span className="hidden-text">{words.policies.fault(fault.line)}</span>}
    </div>
  )
}
