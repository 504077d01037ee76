// The shape of a page: title, acts, sections. Sets the window's title.
import { useEffect, type ReactNode } from 'react'
import { text } from '#console/messages/text.ts'

type PageProps = {
  readonly title: string
  readonly lead?: ReactNode
  readonly crumb?: ReactNode
  readonly acts?: ReactNode
  readonly narrow?: boolean
  readonly children: ReactNode
}

export function Page({ title, lead, crumb, acts, narrow = false, children }: PageProps): ReactNode {
  useEffect(() => {
    document.title = `${title} · ${text.product}`
  }, [title])
  return (
    <div className={`page${narrow ? ' page-narrow' : ''}`}>
      <header className="page-head">
        <div className="page-head-titles">
          {crumb && <div className="crumb">{crumb}</div>}
          <h1>{title}</h1>
          {lead && <p className="page-head-lead">{lead}</p>}
        </div>
        {acts && <div className="row">{acts}</div>}
      </header>
      {children}
    </div>
  )
}

export function Section({
  title,
  hint,
  acts,
  children,
}: {
  readonly title: string
  readonly hint?: string
  readonly acts?: ReactNode
  readonly children: ReactNode
}): ReactNode {
  return (
    <section className="section" aria-label={title}>
      <div className="section-head">
        <h2>{title}</h2>
        {acts}
      </div>
      {hint && <p className="small second prose">{hint}</p>}
      {children}
    </section>
  )
}

export type Fact = readonly [label: string, value: ReactNode]

export function Facts({
  facts,
  wide = false,
}: {
  readonly facts: readonly (Fact | null | false)[]
  readonly wide?: boolean
}): ReactNode {
  return (
    <dl className={`facts${wide ? ' facts-wide' : ''}`}>
      {facts.map((fact) => fact && [<dt key={`${fact[0]}:`}>{fact[0]}</dt>, <dd key={fact[0]}>{fact[1]}</dd>])}
    </dl>
  )
}

export function Tags({ names }: { readonly names: readonly string[] }): ReactNode {
  if (names.length === 0) return <span className="quiet">–</span>
  return (
    <span className="tags">
      {names.map((name) => (
        <span key={name} className="tag">
          {name}
        </span>
      ))}
    </span>
  )
}
