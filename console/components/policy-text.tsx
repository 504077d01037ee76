// Policy text to read and to edit: Cedar's colours, line numbers, and faults at their lines. The editor itself is loaded
// when first used.
import { lazy, Suspense, useCallback, useMemo, type ReactNode } from 'react'
import type { Place } from '#console/api/api-fault.ts'
import { call } from '#console/api/client.ts'
import { plain } from '#console/api/plain-text.ts'
import { caps } from '#console/caps.ts'
import { text as words } from '#console/messages/text.ts'
import type { Fault as EditorFault } from './cedar-editor.tsx'
import { cedarLines } from './cedar-tokens.ts'
import { Glyph } from './status.tsx'
import { useTenant } from './who.ts'

const noFaults: readonly EditorFault[] = []

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

const CedarEditor = lazy(async () => ({ default: (await import('./cedar-editor.tsx')).CedarEditor }))

/** The editor; until it is loaded the text can be read. `faults` are shown where they are. */
export function PolicyEditor({
  text,
  onText,
  fault,
  faults = noFaults,
  label,
}: {
  readonly text: string
  readonly onText: (text: string) => void
  readonly fault: Place | null
  readonly faults?: readonly EditorFault[]
  readonly label: string
}): ReactNode {
  const tenant = useTenant()
  const shown = useMemo(
    () =>
      fault === null || faults.some(({ line }) => line === fault.line)
        ? faults
        : [...faults, { ...fault, kind: 'error' as const, message: words.policies.fault(fault.line) }],
    [fault, faults],
  )
  const namesOf = useCallback(
    async (plural: string, typed: string) => {
      try {
        const query = { limit: caps.suggestions, ...(typed !== '' && { search: typed }) }
        const found = await call('listResources', { params: { tenant, plural }, query })
        return found.items.map(({ name }) => name)
      } catch {
        // Completion is a help: without it one types.
        return []
      }
    },
    [tenant],
  )
  return (
    <div className="stack">
      <Suspense fallback={<PolicyView text={text} label={label} />}>
        <div className="code code-frame">
          <CedarEditor text={text} onText={onText} faults={shown} label={label} namesOf={namesOf} />
        </div>
      </Suspense>
      {shown.length > 0 && (
        <ul className="small" aria-label={words.editor.faults}>
          {shown.slice(0, caps.editorFaults).map((each) => (
            <li
              key={`${each.line} ${each.message}`}
              className={`status status-${each.kind === 'error' ? 'deny' : 'warn'}`}
            >
              <Glyph kind={each.kind === 'error' ? 'deny' : 'warn'} />
              <span className="wrap">
                {words.policies.fault(each.line)}
                {each.message !== words.policies.fault(each.line) && `: ${each.message}`}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
