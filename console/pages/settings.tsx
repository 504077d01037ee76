// *Settings*: the tenant's own, who administers it, and API tokens.
import { useState, type FormEvent, type ReactNode } from 'react'
import type { TenantSettings } from '#core/resources/kinds.ts'
import { plain } from '#console/api/plain-text.ts'
import { useChange, useRoute } from '#console/api/use-route.ts'
import { AdministratorSection } from '#console/components/administrator-section.tsx'
import { ApiTokenSection } from '#console/components/api-token-section.tsx'
import { Button } from '#console/components/button.tsx'
import { CheckField, LinesField, SelectField, TextField } from '#console/components/field.tsx'
import { lasting } from '#console/components/moment.tsx'
import { Page, Section } from '#console/components/page.tsx'
import { Failed, FaultNote, Note } from '#console/components/state.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

export function SettingsPage(): ReactNode {
  const tenant = useTenant()
  const settings = useRoute('getSettings', { params: { tenant } })
  return (
    <Page title={text.settings.title}>
      <Section title={text.settings.general}>
        {settings.data ? (
          <General key={JSON.stringify(settings.data)} settings={settings.data} />
        ) : (
          settings.isError && (
            <div className="panel">
              <Failed error={settings.error} onRetry={() => void settings.refetch()} />
            </div>
          )
        )}
      </Section>
      <AdministratorSection />
      <ApiTokenSection />
      <Providers />
    </Page>
  )
}

const explains = ['full', 'reason', 'none'] as const

function General({ settings }: { readonly settings: TenantSettings }): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const change = useChange('changeSettings')
  const [form, setForm] = useState({
    staleAfter: String(settings.staleAfterSeconds),
    session: String(settings.sessionSeconds),
    explain: settings.explain,
    journal: settings.journalMandatory,
    retention: settings.retentionDays === null ? '' : String(settings.retentionDays),
  })
  const save = (event: FormEvent) => {
    event.preventDefault()
    change.mutate({
      params: { tenant },
      body: {
        staleAfterSeconds: Number(form.staleAfter),
        sessionSeconds: Number(form.session),
        explain: form.explain,
        journalMandatory: form.journal,
        retentionDays: form.retention === '' ? null : Number(form.retention),
      },
    })
  }
  return (
    <form className="panel panel-pad" onSubmit={save}>
      <fieldset className="fieldset" disabled={!mayChange}>
        <div className="fields">
          <TextField
            label={text.settings.session}
            hint={`${lasting(Number(form.session) * 1000)}. ${text.settings.sessionHint}`}
            value={form.session}
            onText={(session) => setForm({ ...form, session })}
            type="number"
            min={300}
            max={604_800}
            required
          />
          <TextField
            label={text.settings.staleAfter}
            hint={`${lasting(Number(form.staleAfter) * 1000)}. ${text.settings.staleAfterHint}`}
            value={form.staleAfter}
            onText={(staleAfter) => setForm({ ...form, staleAfter })}
            type="number"
            min={30}
            max={604_800}
            required
          />
          <TextField
            label={text.settings.retention}
            hint={text.settings.retentionHint}
            value={form.retention}
            onText={(retention) => setForm({ ...form, retention })}
            type="number"
            min={1}
            max={36_500}
          />
          <SelectField
            label={text.settings.explain}
            value={form.explain}
            onText={(value) => setForm({ ...form, explain: explains.find((entry) => entry === value) ?? 'full' })}
            choices={explains.map((entry) => [entry, text.settings.explains[entry]])}
          />
          <LinesField
            label={text.settings.ownHosts}
            hint={text.settings.ownHostsHint}
            value={settings.ownHosts.join('\n')}
            isReadOnly
          />
        </div>
        <CheckField
          label={text.settings.journal}
          hint={text.settings.journalHint}
          checked={form.journal}
          onCheck={(journal) => setForm({ ...form, journal })}
        />
        <FaultNote error={change.error} />
        {mayChange ? (
          <div className="row">
            <Button type="submit" busy={change.isPending}>
              {text.action.save}
            </Button>
            {change.isSuccess && <span role="status">{text.action.saved}</span>}
          </div>
        ) : (
          <Note>{text.action.needAdmin}</Note>
        )}
      </fieldset>
    </form>
  )
}

function Providers(): ReactNode {
  const tenant = useTenant()
  const list = useRoute('listResources', { params: { tenant, plural: 'identity-providers' }, query: { limit: 100 } })
  return (
    <Section title={text.settings.providers}>
      <ul className="panel receipts panel-pad">
        {list.data?.items.map((provider) => (
          <li key={provider.id}>
            <span className="strong">{provider.name}</span>
            <span className="mono">
              {typeof provider.spec['issuer'] === 'string' ? plain(provider.spec['issuer']) : ''}
            </span>
          </li>
        ))}
        {list.data?.items.length === 0 && <li className="quiet">{text.settings.providersEmpty}</li>}
      </ul>
    </Section>
  )
}
