// One policy: its text to read and to change. The server checks it; what it finds is shown at its line.
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { Effect, Resource } from '#core/api/views.ts'
import { ApiFault, type Place } from '#console/api/api-fault.ts'
import { readPolicy } from '#console/api/spec-view.ts'
import { usePolicyCheck } from '#console/api/use-policy-check.ts'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { Button } from '#console/components/button.tsx'
import { ConfirmAction } from '#console/components/confirm-action.tsx'
import { EffectReport } from '#console/components/effect-report.tsx'
import { TextField } from '#console/components/field.tsx'
import { Moment } from '#console/components/moment.tsx'
import { Page } from '#console/components/page.tsx'
import { PolicyPreview } from '#console/components/policy-preview.tsx'
import { PolicyEditor, PolicyView } from '#console/components/policy-text.tsx'
import { FaultNote, Note } from '#console/components/state.tsx'
import { TextDiff } from '#console/components/text-diff.tsx'
import { UnreadPage } from '#console/components/unread-page.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

function Crumb(): ReactNode {
  return (
    <Link to="/t/$tenant/policies" params={{ tenant: useTenant() }}>
      {text.policies.title}
    </Link>
  )
}

export function PolicyPage(): ReactNode {
  const tenant = useTenant()
  const { name = '' } = useParams({ strict: false })
  const found = useRoute('getResource', { params: { tenant, plural: 'policies', name } }, listRefresh)
  if (found.data === undefined) return <UnreadPage title={name} crumb={<Crumb />} found={found} />
  return <Loaded key={name} policy={found.data} />
}

function Loaded({ policy }: { readonly policy: Resource }): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const navigate = useNavigate()
  const remove = useChange('deleteResource')
  // What is edited is the version that was read then: a change by someone else is refused, not overwritten.
  const [edited, setEdited] = useState<Resource | null>(null)
  const [effect, setEffect] = useState<Effect | null>(null)
  const [isSaved, setSaved] = useState(false)
  const { description, text: body } = readPolicy(policy)
  return (
    <Page
      title={policy.name}
      lead={description}
      crumb={<Crumb />}
      acts={
        mayChange &&
        edited === null && (
          <>
            <ConfirmAction
              label={text.policies.delete}
              title={text.policies.deleteTitle(policy.name)}
              body={text.policies.deleteBody}
              act={async () => {
                const done = await remove.mutateAsync({ params: { tenant, plural: 'policies', name: policy.name } })
                await navigate({ to: '/t/$tenant/policies', params: { tenant } })
                return done
              }}
            />
            <Button
              look="main"
              onClick={() => {
                setEffect(null)
                setSaved(false)
                setEdited(policy)
              }}
            >
              {text.policies.edit}
            </Button>
          </>
        )
      }
    >
      {effect && <EffectReport effect={effect} />}
      {isSaved && (
        <Note kind="allow" live>
          {text.policies.saved(policy.version)}
        </Note>
      )}
      {edited === null ? (
        <div className="stack">
          <PolicyView text={body} label={text.policies.text} />
          <p className="small quiet">
            {text.policies.version(policy.version)} · {text.column.updated} <Moment at={policy.updatedAt} />
          </p>
        </div>
      ) : (
        <Editor
          policy={edited}
          onDone={(done, _, isChanged) => {
            setEdited(null)
            setEffect(done)
            setSaved(isChanged)
          }}
        />
      )}
    </Page>
  )
}

export function NewPolicyPage(): ReactNode {
  const tenant = useTenant()
  const navigate = useNavigate()
  return (
    <Page title={text.policies.new} crumb={<Crumb />}>
      <Editor
        policy={null}
        onDone={(_, name) =>
          void navigate(
            name === null
              ? { to: '/t/$tenant/policies', params: { tenant } }
              : { to: '/t/$tenant/policies/$name', params: { tenant, name } },
          )
        }
      />
    </Page>
  )
}

function Editor({
  policy,
  onDone,
}: {
  readonly policy: Resource | null
  readonly onDone: (effect: Effect | null, name: string | null, isChanged: boolean) => void
}): ReactNode {
  const tenant = useTenant()
  const before = policy ? readPolicy(policy) : { description: null, text: text.policies.starter }
  const [name, setName] = useState(policy?.name ?? '')
  const [description, setDescription] = useState(before.description ?? '')
  const [body, setBody] = useState(before.text)
  const [error, setError] = useState<unknown>(null)
  const [isChecked, setChecked] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const [previewed, setPreviewed] = useState<readonly object[] | null>(null)
  const apply = useChange('apply')
  const put = useChange('putResource')
  const check = usePolicyCheck(tenant, name, body)
  const place: Place | null = error instanceof ApiFault ? error.place : null
  const spec = {
    ...policy?.spec,
    text: body,
    // What was not edited goes back as it came, not as it is shown.
    ...(description !== (before.description ?? '') && { description: description === '' ? undefined : description }),
  }
  const opens = error instanceof ApiFault && error.code === 'widening-unconfirmed'
  const send = async (kind: 'check' | 'save', allowWidening = false) => {
    setBusy(true)
    setError(null)
    setChecked(false)
    const consent = allowWidening ? { allowWidening } : {}
    try {
      const documents = [{ kind: 'Policy', name, spec }]
      if (kind === 'check') {
        await apply.mutateAsync({ params: { tenant }, body: { documents, dryRun: true } })
        setChecked(true)
      } else if (policy) {
        await put.mutateAsync({
          params: { tenant, plural: 'policies', name },
          body: { ...consent, spec, version: policy.version },
        })
        onDone(null, name, true)
      } else {
        // Never replaces a policy of that name: the dry run says what would happen first.
        const plan = await apply.mutateAsync({ params: { tenant }, body: { documents, dryRun: true } })
        if (plan.changes.some((change) => change.action !== 'create'))
          throw new ApiFault('name-taken', 409, { message: text.policies.taken(name) })
        const done = await apply.mutateAsync({ params: { tenant }, body: { ...consent, documents } })
        onDone(done.effect, name, true)
      }
    } catch (fault) {
      setError(fault)
    } finally {
      setBusy(false)
    }
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void send('save')
  }
  return (
    <form className="stack-wide" onSubmit={submit}>
      <div className="fields">
        {policy === null && (
          <TextField label={text.policies.name} value={name} onText={setName} required maxLength={40} />
        )}
        <TextField label={text.policies.description} value={description} onText={setDescription} maxLength={1000} />
      </div>
      <PolicyEditor text={body} onText={setBody} fault={place} faults={check.faults} label={text.policies.text} />
      <p className="small quiet" role="status">
        {check.state === 'checking'
          ? text.editor.checking
          : check.state === 'checked' && !check.faults.some(({ kind }) => kind === 'error') && text.editor.valid}
      </p>
      {policy !== null && body !== before.text && (
        <details className="more" open>
          <summary>{text.editor.diff}</summary>
          <TextDiff before={before.text} after={body} label={text.editor.diff} />
        </details>
      )}
      {error !== null && (
        <div className="stack">
          <FaultNote error={error} />
          {opens && (
            <>
              <p className="small second prose">{text.whatIf.opensLead}</p>
              <div className="row">
                <Button onClick={() => void send('save', true)} disabled={isBusy}>
                  {text.whatIf.allow}
                </Button>
              </div>
            </>
          )}
        </div>
      )}
      {isChecked && (
        <Note kind="allow" live>
          {text.policies.checked}
        </Note>
      )}
      <p className="small second">{text.policies.saveHint}</p>
      <div className="row">
        <Button type="submit" look="main" busy={isBusy}>
          {policy === null ? text.policies.create : text.policies.save}
        </Button>
        <Button onClick={() => void send('check')} disabled={isBusy || name === ''}>
          {text.policies.check}
        </Button>
        <Button onClick={() => setPreviewed([{ kind: 'Policy', name, spec }])} disabled={isBusy || name === ''}>
          {text.whatIf.preview}
        </Button>
        <Button look="text" onClick={() => onDone(null, policy?.name ?? null, false)} disabled={isBusy}>
          {text.action.cancel}
        </Button>
      </div>
      {previewed !== null && <PolicyPreview tenant={tenant} documents={previewed} />}
    </form>
  )
}
