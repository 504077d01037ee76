// Containing somebody or something: the act, which asks for a reason and a time, and the note that says what is contained,
// by whom and until when, with the way out. Must never contain without having named what will happen.
import { useState, type ReactNode } from 'react'
import type { Reply } from '#console/api/client.ts'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { ConfirmAction } from './confirm-action.tsx'
import { EffectReport } from './effect-report.tsx'
import { SelectField, TextField } from './field.tsx'
import { FormAction } from './form-action.tsx'
import { Moment } from './moment.tsx'
import { Note } from './state.tsx'
import { useMayChange, useTenant } from './who.ts'

const words = text.containing
type Containment = Reply<'listContainments'>['items'][number]
type Subject = { readonly kind: Containment['subject']['kind']; readonly name: string }

const lengths = [
  ['1800', words.minutes(30)],
  ['14400', words.hours(4)],
  ['86400', words.hours(24)],
  ['604800', words.days(7)],
] as const

export function ContainAction({ kind, name }: Subject): ReactNode {
  const tenant = useTenant()
  const contain = useChange('contain')
  const [reason, setReason] = useState('')
  const [seconds, setSeconds] = useState('14400')
  return (
    <FormAction
      label={words.contain}
      look="quiet-danger"
      title={words.title(name)}
      lead={words.body}
      submit={words.contain}
      submitLook="danger"
      opensBy="contain"
      act={async () => {
        const done = await contain.mutateAsync({
          params: { tenant },
          body: { subject: { kind, name }, reason, expiresInSeconds: Number(seconds) },
        })
        return { title: words.done(name), content: <EffectReport effect={done.effect} /> }
      }}
    >
      <div className="fields">
        <TextField
          label={words.reason}
          hint={words.reasonHint}
          value={reason}
          onText={setReason}
          required
          maxLength={500}
          autoFocus
        />
        <SelectField label={words.lasts} value={seconds} onText={setSeconds} choices={lengths} />
      </div>
    </FormAction>
  )
}

/** What is in force against this subject; nothing when nothing is. */
export function ContainedNote({ kind, name }: Subject): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const release = useChange('releaseContainment')
  const list = useRoute('listContainments', { params: { tenant }, query: { search: name, limit: 100 } }, listRefresh)
  const found = list.data?.items.filter(({ subject }) => subject.kind === kind && subject.name === name) ?? []
  return found.map(({ id, owner, reason, expiresAt }) => (
    <Note key={id} kind="warn">
      <div className="row">
        <span>
          <strong>{words.contained}</strong> {words.by(owner)}: {reason} ({words.until}{' '}
          <Moment at={expiresAt} form="day-time" />)
        </span>
        {mayChange && (
          <ConfirmAction
            inRow
            look="plain"
            label={words.release}
            name={words.releaseOf(name)}
            title={words.releaseTitle(name)}
            body={words.releaseBody}
            doLook="main"
            act={() => release.mutateAsync({ params: { tenant, id } })}
          />
        )}
      </div>
    </Note>
  ))
}
