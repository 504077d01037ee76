// A decision and its reasons: the verdict, the policies behind it, what was missing, what to do.
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Reply } from '#console/api/client.ts'
import { text } from '#console/messages/text.ts'
import { Section } from './page.tsx'
import { PolicyView } from './policy-text.tsx'
import { Note } from './state.tsx'
import { Glyph } from './status.tsx'
import { useTenant } from './who.ts'

type Explanation = Reply<'explain'>
type Props = { readonly decision: Explanation; readonly user: string; readonly app: string }
type Place = Explanation['policies'][number]

export function DecisionReport({ decision, user, app }: Props): ReactNode {
  const tenant = useTenant()
  const isAllowed = decision.decision === 'allow'
  const policyLink = ({ name, line, document, text: words }: Place) => (
    <div className="stack">
      {document === null ? (
        <span>{name}</span>
      ) : (
        <Link to="/t/$tenant/policies/$name" params={{ tenant, name: document }}>
          {name}
          {line !== null && <span className="quiet"> {text.explain.line(line)}</span>}
        </Link>
      )}
      {words !== null && (
        <details className="more">
          <summary>{text.whatIf.text}</summary>
          <PolicyView text={words} label={text.whatIf.text} />
        </details>
      )}
    </div>
  )
  return (
    <div className="stack-wide" aria-live="polite">
      <div className={`verdict verdict-${decision.decision}`}>
        <h2>
          <Glyph kind={isAllowed ? 'allow' : 'deny'} />
          {isAllowed ? text.explain.yes(user, app) : text.explain.no(user, app)}
        </h2>
        <p>
          {decision.message} {decision.reason && <span className="mono">{decision.reason}</span>}
        </p>
      </div>
      {decision.policies.length > 0 ? (
        <Section title={text.explain.because}>
          <ul className="stack">
            {decision.policies.map((policy) => (
              <li key={`${policy.id} ${policy.line}`}>{policyLink(policy)}</li>
            ))}
          </ul>
        </Section>
      ) : (
        !isAllowed && decision.message === '' && <Note>{text.explain.byDefault}</Note>
      )}
      {decision.missing.length > 0 && (
        <Section title={text.explain.missing} hint={text.explain.missingLead}>
          {decision.missing.map((entry) => (
            <div key={entry.place.id} className="panel panel-pad stack">
              {policyLink(entry.place)}
              <ul className="conditions">
                {entry.conditions.map((condition) => (
                  <li key={condition}>
                    <Glyph kind="deny" />
                    <span>{condition}</span>
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </Section>
      )}
      {decision.errors.length > 0 && (
        <Section title={text.explain.errors}>
          {decision.errors.map((entry) => (
            <Note key={entry.policy} kind="warn">
              {entry.policy}: {entry.message}
            </Note>
          ))}
        </Section>
      )}
      {decision.advice !== '' && (
        <Section title={text.explain.advice}>
          <p className="prose">{decision.advice}</p>
        </Section>
      )}
    </div>
  )
}
