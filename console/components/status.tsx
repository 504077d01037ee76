// A state as glyph, word and colour: never colour alone.
import type { ReactNode } from 'react'

export type StatusKind = 'allow' | 'deny' | 'warn' | 'quiet'

export function Glyph({ kind }: { readonly kind: StatusKind }): ReactNode {
  return (
    <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" fill="none">
      {kind === 'allow' && <circle cx="5" cy="5" r="3.5" fill="currentColor" />}
      {kind === 'deny' && <path d="M2 2l6 6M8 2l-6 6" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" />}
      {kind === 'warn' && <path d="M5 1.2 9.3 8.800H.7z" fill="currentColor" />}
      {kind === 'quiet' && <circle cx="5" cy="5" r="3" stroke="currentColor" strokeWidth="1.4" />}
    </svg>
  )
}

export function Status({ kind, children }: { readonly kind: StatusKind; readonly children: ReactNode }): ReactNode {
  return (
    <span className={`status status-${kind}`}>
      <Glyph kind={kind} />
      {children}
    </span>
  )
}
