// Why a past decision was made: what was recorded, and the same asked again under the policies of then and of now. Must
// never show what is asked again as if it had been recorded.
import type { ReactNode } from 'react'
import { useRoute } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { DecisionReport } from './decision-report.tsx'
import { Moment } from './moment.tsx'
import { Section } from './page.tsx'
import { Failed, Note } from './state.tsx'

export function PastDecision({ tenant, event }: { readonly tenant: string; readonly event: string }): ReactNode {
  const past = useRoute('explainEvent', { params: { tenant, id: event } })
  if (past.isError) return <Failed error={past.error} onRetry={() => void past.refetch()} />
  if (past.data === undefined) return null
  const { recorded, then, now, at } = past.data
  const user = past.data.user ?? ''
  const app = past.data.app ?? ''
  return (
    <div className="stack-wide">
      <Section title={text.whatIf.past}>
        <p>
          {recorded.decision === 'allow' ? text.explain.yes(user, app) : text.explain.no(user, app)}{' '}
          <span className="mono">{recorded.reason ?? ''}</span> <Moment at={at} /> {recorded.policies.join(', ')}
        </p>
        {recorded.missing.length > 0 && (
          <ul className="stack">
            {recorded.missing.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        )}
      </Section>
      <Section title={text.whatIf.pastThen}>
        {then.known ? (
          <DecisionReport decision={then.explanation} user={user} app={app} />
        ) : (
          <Note kind="warn">
            {text.whatIf.pastUnknown} {then.why}
          </Note>
        )}
      </Section>
      {now !== null && (
        <Section title={text.whatIf.pastNow}>
          <DecisionReport decision={now} user={user} app={app} />
        </Section>
      )}
    </div>
  )
}
