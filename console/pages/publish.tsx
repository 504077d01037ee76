// Publishing an app: a form, a look at what it will create, and the one command for the connector.
import { Link } from '@tanstack/react-router'
import { useState, type FormEvent, type ReactNode } from 'react'
import { ApiFault } from '#console/api/api-fault.ts'
import { appAddress } from '#console/api/spec-view.ts'
import { useChange, useRoute } from '#console/api/use-route.ts'
import type { Reply } from '#console/api/client.ts'
import { Button, buttonClass } from '#console/components/button.tsx'
import { CheckField, TextField } from '#console/components/field.tsx'
import { OutsideLink } from '#console/components/outside-link.tsx'
import { Page, Section } from '#console/components/page.tsx'
import { PolicyView } from '#console/components/policy-text.tsx'
import { documentsOf, labelFrom, policyFor, policyName, type PublishForm } from '#console/components/publish-plan.ts'
import { SecretOnce } from '#console/components/secret-once.tsx'
import { FaultNote, Note } from '#console/components/state.tsx'
import { useSuggestions } from '#console/components/use-suggestions.ts'
import { useMe } from '#console/components/who.ts'
import { EffectReport } from '#console/components/effect-report.tsx'
import { text } from '#console/messages/text.ts'

const blank: PublishForm = {
  displayName: '',
  name: '',
  kind: 'http',
  host: '',
  port: '',
  tls: false,
  agentHost: '',
  connectorGroup: '',
  group: '',
}
type Step =
  | { readonly kind: 'form' }
  | {
      readonly kind: 'plan'
      readonly documents: ReturnType<typeof documentsOf>
      readonly changes: Reply<'apply'>['changes']
    }
  | { readonly kind: 'done'; readonly result: Reply<'apply'> }

export function PublishPage(): ReactNode {
  const { tenant } = useMe()
  const [form, setForm] = useState(blank)
  const [step, setStep] = useState<Step>({ kind: 'form' })
  const [error, setError] = useState<unknown>(null)
  const [isBusy, setBusy] = useState(false)
  const groups = useSuggestions('connector-groups', form.connectorGroup)
  const apply = useChange('apply')
  const attempt = async (run: () => Promise<Step>) => {
    setBusy(true)
    setError(null)
    try {
      setStep(await run())
    } catch (fault) {
      setError(fault)
    } finally {
      setBusy(false)
    }
  }
  const review = () =>
    attempt(async () => {
      const documents = documentsOf(form, !groups.includes(form.connectorGroup))
      const plan = await apply.mutateAsync({ params: { tenant }, body: { documents: [...documents], dryRun: true } })
      // Publishing never changes what exists: someone may have chosen the same name.
      const taken = plan.changes.find((change) => change.action !== 'create' && change.kind !== 'ConnectorGroup')
      if (taken) throw new ApiFault('name-taken', 409, { message: text.publish.taken(taken.name) })
      return { kind: 'plan', documents, changes: plan.changes }
    })
  const publish = (documents: ReturnType<typeof documentsOf>) =>
    attempt(async () => ({
      kind: 'done',
      result: await apply.mutateAsync({ params: { tenant }, body: { documents: [...documents] } }),
    }))
  const crumb = (
    <Link to="/t/$tenant/apps" params={{ tenant }}>
      {text.apps.title}
    </Link>
  )
  if (step.kind === 'done') {
    return (
      <Page title={text.publish.doneTitle(form.displayName || form.name)} crumb={crumb} narrow>
        <Done form={form} result={step.result} />
      </Page>
    )
  }
  return (
    <Page title={text.publish.title} lead={text.publish.lead} crumb={crumb} narrow>
      {step.kind === 'form' ? (
        <Form
          form={form}
          setForm={setForm}
          groups={groups}
          isBusy={isBusy}
          error={error}
          onSubmit={() => void review()}
        />
      ) : (
        <div className="stack-wide">
          <Section title={text.publish.plan}>
            <ul className="panel denials">
              {step.changes.map((change) => (
                <li key={`${change.kind} ${change.name}`}>
                  <span aria-hidden="true" className="quiet">
                    {change.action === 'create' ? '+' : '='}
                  </span>
                  <span>
                    {text.publish.planVerb[change.action]} {text.publish.kinds[change.kind] ?? change.kind}{' '}
                    <span className="strong">{change.name}</span>
                  </span>
                </li>
              ))}
            </ul>
          </Section>
          {form.group === '' ? (
            <Note kind="warn">{text.publish.nobody}</Note>
          ) : (
            <PolicyView text={policyFor(form)} label={policyName(form)} />
          )}
          <FaultNote error={error} />
          <div className="row">
            <Button look="main" busy={isBusy} onClick={() => void publish(step.documents)} autoFocus>
              {text.publish.confirm(form.displayName || form.name)}
            </Button>
            <Button disabled={isBusy} onClick={() => setStep({ kind: 'form' })}>
              {text.publish.back}
            </Button>
          </div>
        </div>
      )}
    </Page>
  )
}

type FormProps = {
  readonly form: PublishForm
  readonly setForm: (form: PublishForm) => void
  readonly groups: readonly string[]
  readonly isBusy: boolean
  readonly error: unknown
  readonly onSubmit: () => void
}

function Form({ form, setForm, groups, isBusy, error, onSubmit }: FormProps): ReactNode {
  const me = useMe()
  const people = useSuggestions('groups', form.group)
  const set = <K extends keyof PublishForm>(key: K, value: PublishForm[K]) => setForm({ ...form, [key]: value })
  const setTitle = (displayName: string) =>
    setForm({
      ...form,
      displayName,
      ...(form.name === labelFrom(form.displayName) && { name: labelFrom(displayName) }),
    })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSubmit()
  }
  return (
    <form className="stack-wide" onSubmit={submit}>
      <fieldset className="fieldset panel panel-pad" aria-label={text.publish.what}>
        <h2>{text.publish.what}</h2>
        <div className="fields">
          <TextField
            label={text.publish.display}
            hint={text.publish.displayHint}
            value={form.displayName}
            onText={setTitle}
            required
            maxLength={120}
            autoFocus
          />
          <TextField
            label={text.publish.name}
            hint={text.publish.nameHint(`${form.name || '…'}.${me.tenant}.${me.appsDomain}`)}
            value={form.name}
            onText={(value) => set('name', value)}
            required
            maxLength={40}
            pattern="[a-z0-9]([a-z0-9]|-(?=[a-z0-9]))*"
            title={text.publish.nameInvalid}
          />
        </div>
        <div className="choices" role="radiogroup" aria-label={text.publish.kind}>
          {(['http', 'tcp'] as const).map((kind) => (
            <label key={kind} className="choice">
              <input type="radio" name="kind" checked={form.kind === kind} onChange={() => set('kind', kind)} />
              <span>
                <span className="strong">{kind === 'http' ? text.publish.http : text.publish.tcp}</span>
                <br />
                <span className="small quiet">{kind === 'http' ? text.publish.httpHint : text.publish.tcpHint}</span>
              </span>
            </label>
          ))}
        </div>
      </fieldset>
      <fieldset className="fieldset panel panel-pad" aria-label={text.publish.where}>
        <h2>{text.publish.where}</h2>
        <div className="fields">
          <TextField
            label={text.publish.host}
            hint={text.publish.hostHint}
            value={form.host}
            onText={(value) => set('host', value)}
            required
            maxLength={253}
          />
          <TextField
            label={text.publish.port}
            value={form.port}
            onText={(value) => set('port', value)}
            inputMode="numeric"
            pattern="\d{1,5}"
            required={form.kind === 'tcp'}
            placeholder={form.kind === 'http' ? (form.tls ? '443' : '80') : '22'}
          />
          <TextField
            label={text.publish.group}
            hint={text.publish.groupHint}
            value={form.connectorGroup}
            onText={(value) => set('connectorGroup', value)}
            options={groups}
            required
            maxLength={40}
          />
          {form.kind === 'tcp' && (
            <TextField
              label={text.publish.agentHost}
              hint={text.publish.agentHostHint}
              value={form.agentHost}
              onText={(value) => set('agentHost', value)}
              required
              maxLength={253}
            />
          )}
        </div>
        <CheckField label={text.publish.tls} checked={form.tls} onCheck={(value) => set('tls', value)} />
      </fieldset>
      <fieldset className="fieldset panel panel-pad" aria-label={text.publish.who}>
        <h2>{text.publish.who}</h2>
        <TextField
          label={text.publish.group2}
          hint={text.publish.group2Hint}
          value={form.group}
          onText={(value) => set('group', value)}
          options={people}
          maxLength={127}
          pattern="[a-z0-9][a-z0-9._@+\-]*"
        />
      </fieldset>
      <FaultNote error={error} />
      <div>
        <Button type="submit" look="main" busy={isBusy}>
          {isBusy ? text.publish.reviewing : text.publish.review}
        </Button>
      </div>
    </form>
  )
}

function Done({ form, result }: { readonly form: PublishForm; readonly result: Reply<'apply'> }): ReactNode {
  const me = useMe()
  const { tenant } = me
  const address = appAddress({ name: form.name, opensInBrowser: form.kind === 'http', browserHost: null }, me)
  const make = useChange('createEnrolmentToken')
  const [made, setMade] = useState<Reply<'createEnrolmentToken'> | null>(null)
  const [error, setError] = useState<unknown>(null)
  const connectors = useRoute('listConnectors', { params: { tenant }, query: { limit: 1000 } }, { everyMs: 2_000 })
  const up =
    connectors.data?.items.filter(
      (connector) => connector.group === form.connectorGroup && connector.connected.length > 0,
    ).length ?? 0
  const view = (
    <Link
      to="/t/$tenant/apps/$name"
      params={{ tenant, name: form.name }}
      className={buttonClass(up > 0 && address === null ? 'main' : 'plain')}
    >
      {text.publish.view}
    </Link>
  )
  return (
    <div className="stack-wide">
      {result.effect && <EffectReport effect={result.effect} />}
      {up > 0 ? (
        <Note kind="allow" live>
          {made ? text.publish.connected : text.publish.doneAlready(up)}
        </Note>
      ) : (
        <Section title={text.publish.doneConnector}>
          {made ? (
            <>
              <SecretOnce label={text.publish.doneCommand} value={made.command} expiresAt={made.expiresAt} />
              <Note live>{text.publish.waiting}</Note>
            </>
          ) : (
            <div>
              <Button
                look="main"
                busy={make.isPending}
                onClick={() => {
                  make
                    .mutateAsync({
                      params: { tenant },
                      body: { connectorGroup: form.connectorGroup, expiresInSeconds: 3600 },
                    })
                    .then(setMade, setError)
                }}
              >
                {text.publish.token}
              </Button>
            </div>
          )}
          <FaultNote error={error} />
        </Section>
      )}
      <div className="row">
        {up > 0 && address !== null && (
          <OutsideLink address={address} look={buttonClass('main')}>
            {text.publish.openLink}
          </OutsideLink>
        )}
        {view}
      </div>
    </div>
  )
}
