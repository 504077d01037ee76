// The board of a tabletop: what was said to whom, and what the team answered.
import { useState, type ReactNode } from 'react'
import type { Reply } from '#console/api/client.ts'
import { useChange } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { TextField } from './field.tsx'
import { FormAction } from './form-action.tsx'
import { Moment } from './moment.tsx'
import { Section } from './page.tsx'
import { useMayChange, useTenant } from './who.ts'

const words = text.drills

export function DrillInjects({ drill, scenario, answers }: Reply<'getDrill'>): ReactNode {
  const mayChange = useMayChange()
  const injects = scenario.steps.flatMap((step) => ('inject' in step ? [step.inject] : []))
  if (injects.length === 0) return null
  return (
    <Section title={words.injects}>
      <ol className="stack">
        {injects.map((inject, at) => {
          const said = answers.filter(({ inject: to }) => to === at)
          return (
            <li key={`${inject.to} ${inject.text}`}>
              <span className="strong">{inject.to}</span>
              {inject.answerWithin !== undefined && (
                <span className="quiet"> · {words.within(inject.answerWithin)}</span>
              )}
              <div>{inject.text}</div>
              {said.map((answer) => (
                <div key={`${answer.at} ${answer.text}`} className="second">
                  {answer.by} · <Moment at={answer.at} />: {answer.text}
                </div>
              ))}
              {mayChange && drill.state === 'running' && said.length === 0 && <Answer id={drill.id} inject={at} />}
            </li>
          )
        })}
      </ol>
    </Section>
  )
}

function Answer({ id, inject }: { readonly id: string; readonly inject: number }): ReactNode {
  const tenant = useTenant()
  const answer = useChange('answerDrill').mutateAsync
  const [said, setSaid] = useState('')
  return (
    <FormAction
      inRow
      label={words.answer}
      title={words.answerTitle}
      submit={words.answer}
      onClosed={() => setSaid('')}
      act={async () => {
        await answer({ params: { tenant, id }, body: { inject, text: said } })
      }}
    >
      <TextField label={words.answer} value={said} onText={setSaid} required maxLength={2000} />
    </FormAction>
  )
}
