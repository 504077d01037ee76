// The state of the policy tests, and what is surely not meant in the policies; of what is in force, or of a change.
import { useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Reply } from '#console/api/client.ts'
import { useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'
import { Section } from './page.tsx'
import { Note } from './state.tsx'

type Checks = Reply<'testPolicies'>

/** Of what is in force; looked at again from time to time. */
export function PolicyChecksNow(): ReactNode {
  const { tenant = '' } = useParams({ strict: false })
  const checks = useRoute(
    'testPolicies',
    { params: { tenant }, body: {} },
    { everyMs: caps.listEveryMs * 4, keep: true },
  )
  return checks.data === undefined ? null : <PolicyChecks checks={checks.data} isOfForce />
}

export function PolicyChecks({
  checks,
  isOfForce = false,
}: {
  readonly checks: Checks
  readonly isOfForce?: boolean
}): ReactNode {
  const { results, failed, warnings, openings } = checks
  return (
    <div className="stack" aria-live="polite">
      <Section title={text.whatIf.tests}>
        {results.length === 0 ? (
          <p className="small second prose">{text.whatIf.testsNone}</p>
        ) : failed === 0 ? (
          <Note kind="allow">{text.whatIf.testsGood(results.length)}</Note>
        ) : (
          <Note kind="deny">
            <strong>{text.whatIf.testsBad(failed)}</strong>
            <ul className="stack">
              {results
                .filter(({ ok }) => !ok)
                .map(({ at, title, message }) => (
                  <li key={at}>
                    {title}: {message}
                  </li>
                ))}
            </ul>
          </Note>
        )}
      </Section>
      {!isOfForce && <Openings openings={openings} />}
      {warnings.length > 0 && (
        <Section title={text.whatIf.warnings}>
          {warnings.map(({ document, message }) => (
            <Note key={`${document} ${message}`} kind="warn">
              {message}
            </Note>
          ))}
        </Section>
      )}
    </div>
  )
}

export function Openings({ openings }: { readonly openings: Checks['openings'] }): ReactNode {
  if (openings.length === 0) return null
  return (
    <Note kind="warn">
      <strong>{text.whatIf.opens}</strong>
      <ul className="stack">
        {openings.map(({ who, app, circumstances, cause }) => (
          <li key={`${who} ${app}`}>{text.whatIf.opensLine(app, who, `${circumstances}: ${cause}`)}</li>
        ))}
      </ul>
    </Note>
  )
}
