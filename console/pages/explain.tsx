// *Explain*: may this person reach this app, and why. The question is in the URL, so that the answer can be shared.
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { Input } from '#console/api/client.ts'
import { useRoute } from '#console/api/use-route.ts'
import { Button } from '#console/components/button.tsx'
import { DecisionReport } from '#console/components/decision-report.tsx'
import { PastDecision } from '#console/components/past-decision.tsx'
import { SelectField, TextField } from '#console/components/field.tsx'
import { namesIn } from '#console/components/names-in.ts'
import { Page } from '#console/components/page.tsx'
import { Failed } from '#console/components/state.tsx'
import { useSuggestions } from '#console/components/use-suggestions.ts'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

const keys = ['user', 'app', 'posture', 'factors', 'ip', 'method', 'path', 'event'] as const
type Question = { readonly [key in (typeof keys)[number]]?: string | undefined }

function bodyOf(question: Question): NonNullable<Input<'explain'>['body']> {
  const { user = '', app = '', posture, factors, ip, method, path } = question
  return {
    user,
    app,
    ...(posture === '0' && { posture: 0 as const }),
    ...(posture === '1' && { posture: 1 as const }),
    ...(posture === '2' && { posture: 2 as const }),
    ...(factors && { factors: namesIn(factors) }),
    ...(ip && { ip }),
    ...(method && { method }),
    ...(path && { path }),
  }
}

export function ExplainPage(): ReactNode {
  const tenant = useTenant()
  const asked: Question = useSearch({ strict: false })
  const isPast = Boolean(asked.event)
  const isAsked = !isPast && Boolean(asked.user && asked.app)
  const answer = useRoute('explain', { params: { tenant }, body: bodyOf(asked) }, { enabled: isAsked })
  return (
    <Page title={text.explain.title} lead={text.explain.lead}>
      <div className="columns">
        <Ask key={JSON.stringify(asked)} asked={asked} isBusy={answer.isFetching} />
        <div>
          {asked.event && <PastDecision tenant={tenant} event={asked.event} />}
          {!isAsked && !isPast && <div className="panel state state-small">{text.explain.start}</div>}
          {isAsked && answer.isError && (
            <div className="panel">
              <Failed error={answer.error} onRetry={() => void answer.refetch()} />
            </div>
          )}
          {isAsked && answer.data && (
            <DecisionReport decision={answer.data} user={asked.user ?? ''} app={asked.app ?? ''} />
          )}
        </div>
      </div>
    </Page>
  )
}

function Ask({ asked, isBusy }: { readonly asked: Question; readonly isBusy: boolean }): ReactNode {
  const navigate = useNavigate()
  const [question, setQuestion] = useState(asked)
  const hasMore = keys.some((key) => key !== 'user' && key !== 'app' && Boolean(asked[key]))
  const people = useSuggestions('users', question.user ?? '')
  const apps = useSuggestions('apps', question.app ?? '')
  const set = (key: keyof Question) => (value: string) =>
    setQuestion((before) => ({ ...before, [key]: value === '' ? undefined : value }))
  const ask = (event: FormEvent) => {
    event.preventDefault()
    void navigate({ to: '.', search: () => question })
  }
  return (
    <form className="panel panel-pad stack-wide" onSubmit={ask} aria-label={text.explain.question}>
      <div className="fields">
        <TextField
          label={text.explain.user}
          value={question.user ?? ''}
          onText={set('user')}
          options={people}
          required={!question.event}
          maxLength={127}
        />
        <TextField
          label={text.explain.app}
          value={question.app ?? ''}
          onText={set('app')}
          options={apps}
          required={!question.event}
          maxLength={40}
        />
      </div>
      <details className="more" open={hasMore}>
        <summary>{text.explain.more}</summary>
        <p className="small quiet explain-hint">{text.explain.moreHint}</p>
        <div className="fields">
          <SelectField
            label={text.explain.posture}
            value={question.posture ?? ''}
            onText={set('posture')}
            choices={[
              ['', text.explain.postureNone],
              ...text.posture.map((name, level) => [String(level), name] as const),
            ]}
          />
          <TextField
            label={text.explain.factors}
            hint={text.explain.factorsHint}
            value={question.factors ?? ''}
            onText={set('factors')}
          />
          <TextField
            label={text.explain.ip}
            value={question.ip ?? ''}
            onText={set('ip')}
            maxLength={64}
            placeholder="203.0.113.7"
          />
          <TextField
            label={text.explain.method}
            value={question.method ?? ''}
            onText={set('method')}
            maxLength={20}
            placeholder="GET"
          />
          <TextField
            label={text.explain.path}
            value={question.path ?? ''}
            onText={set('path')}
            maxLength={2000}
            placeholder="/"
          />
          <TextField
            label={text.whatIf.event}
            hint={text.whatIf.eventHint}
            value={question.event ?? ''}
            onText={set('event')}
            maxLength={64}
          />
        </div>
      </details>
      <div>
        <Button type="submit" look="main" busy={isBusy}>
          {text.explain.ask}
        </Button>
      </div>
    </form>
  )
}
