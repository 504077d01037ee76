// One version of the policies: what it changed, what has changed since, and the way back to it, which shows first what
// it would do.
import { Link, useParams } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import type { PolicyDifference } from '#core/api/policy-history-routes.ts'
import { ApiFault } from '#console/api/api-fault.ts'
import { plain } from '#console/api/plain-text.ts'
import type { Reply } from '#console/api/client.ts'
import { useChange, useRoute } from '#console/api/use-route.ts'
import { Button } from '#console/components/button.tsx'
import { EffectReport } from '#console/components/effect-report.tsx'
import { TextField } from '#console/components/field.tsx'
import { Page, Section } from '#console/components/page.tsx'
import { Empty, Failed, FaultNote, Note } from '#console/components/state.tsx'
import { TextDiff } from '#console/components/text-diff.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

const words = text.policyHistory

export function PolicyVersionPage(): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const params = useParams({ strict: false })
  const word = params.version ?? ''
  const version = /^\d{1,15}$/.test(word) ? Number(word) : null
  const crumb = (
    <Link to="/t/$tenant/policy-history" params={{ tenant }}>
      {words.title}
    </Link>
  )
  if (version === null || version === 0)
    return (
      <Page title={words.title} crumb={crumb}>
        <Empty title={words.unkept} />
      </Page>
    )
  return (
    <Page title={words.versionTitle(version)} crumb={crumb}>
      <div className="stack-wide">
        <Differences title={words.what} from={version - 1} to={version} none={text.editor.noDiff} />
        <Differences title={words.sinceThen} from={version} none={words.nothingSince} />
        {mayChange && <WayBack version={version} />}
      </div>
    </Page>
  )
}

function Differences({
  title,
  from,
  to,
  none,
}: {
  readonly title: string
  readonly from: number
  readonly to?: number
  readonly none: string
}): ReactNode {
  const tenant = useTenant()
  const query = { from, ...(to !== undefined && { to }) }
  const found = useRoute('comparePolicyVersions', { params: { tenant }, query })
  const isUnkept = found.error instanceof ApiFault && found.error.code === 'not-found'
  return (
    <Section title={title}>
      {isUnkept ? (
        <p className="small second">{words.unkept}</p>
      ) : (
        found.isError && <Failed error={found.error} onRetry={() => void found.refetch()} />
      )}
      {found.data?.total === 0 && <p className="small second">{none}</p>}
      {found.data && found.data.total > 0 && (
        <div className="stack">
          {found.data.differences.map((difference) => (
            <OneDifference key={`${difference.kind} ${difference.name}`} difference={difference} of={title} />
          ))}
          {found.data.total > found.data.differences.length && (
            <p className="small second">{words.unshown(found.data.total - found.data.differences.length)}</p>
          )}
        </div>
      )}
    </Section>
  )
}

function OneDifference({ difference, of }: { readonly difference: PolicyDifference; readonly of: string }): ReactNode {
  const { kind, name, before, after } = difference
  const action = before === null ? 'create' : after === null ? 'delete' : 'update'
  return (
    <details className="more" open>
      <summary>
        {kind} {plain(name)} <span className="second">{words.kinds[action]}</span>
      </summary>
      <TextDiff before={readable(before)} after={readable(after)} label={`${of}: ${kind} ${plain(name)}`} />
    </details>
  )
}

/** A policy is read by its text; what else a document says follows it. */
function readable(spec: PolicyDifference['before']): string {
  if (spec === null) return ''
  const { text: body, ...rest } = spec
  if (typeof body !== 'string') return JSON.stringify(spec, null, 2)
  return Object.keys(rest).length === 0 ? body : `${body}\n${JSON.stringify(rest, null, 2)}`
}

type Asked = Reply<'restorePolicyVersion'>

function WayBack({ version }: { readonly version: number }): ReactNode {
  const tenant = useTenant()
  const restore = useChange('restorePolicyVersion')
  const [asked, setAsked] = useState<Asked | null>(null)
  const [done, setDone] = useState<Asked | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [why, setWhy] = useState('')
  const send = async (dryRun: boolean, allowWidening = false) => {
    setError(null)
    try {
      const reply = await restore.mutateAsync({
        params: { tenant, version: String(version) },
        body: {
          dryRun,
          ...(allowWidening && { allowWidening }),
          ...(!dryRun && why.trim() !== '' && { why: why.trim() }),
        },
      })
      if (dryRun) {
        setDone(null)
        setAsked(reply)
      } else {
        setAsked(null)
        setDone(reply)
      }
    } catch (fault) {
      setError(fault)
    }
  }
  const opens = error instanceof ApiFault && error.code === 'widening-unconfirmed'
  return (
    <Section title={words.versionTitle(version)}>
      <div className="stack">
        <p className="small second prose">{words.goBackLead}</p>
        {asked === null ? (
          <div className="row">
            <Button onClick={() => void send(true)} busy={restore.isPending}>
              {words.goBack}
            </Button>
          </div>
        ) : (
          <Proposed
            asked={asked}
            why={why}
            onWhy={setWhy}
            isBusy={restore.isPending}
            onDo={() => void send(false)}
            onCancel={() => setAsked(null)}
          />
        )}
        {error !== null && <FaultNote error={error} />}
        {opens && (
          <div className="stack">
            <p className="small second prose">{text.whatIf.opensLead}</p>
            <div className="row">
              <Button onClick={() => void send(false, true)} disabled={restore.isPending}>
                {text.whatIf.allow}
              </Button>
            </div>
          </div>
        )}
        {done && (
          <Note kind="allow" live>
            {words.restored(version)}
          </Note>
        )}
        {done?.effect && <EffectReport effect={done.effect} />}
      </div>
    </Section>
  )
}

function Proposed({
  asked: { changes, openings, warnings },
  why,
  onWhy,
  isBusy,
  onDo,
  onCancel,
}: {
  readonly asked: Asked
  readonly why: string
  readonly onWhy: (why: string) => void
  readonly isBusy: boolean
  readonly onDo: () => void
  readonly onCancel: () => void
}): ReactNode {
  const real = changes.filter(({ action }) => action !== 'unchanged')
  if (real.length === 0) return <Note>{words.nothing}</Note>
  return (
    <div className="stack" role="group" aria-label={words.would}>
      <p className="strong">{words.would}</p>
      <ul className="conditions">
        {real.map(({ kind, name, action }) => (
          <li key={`${kind} ${name}`}>
            {kind} {plain(name)} <span className="second">{action === 'unchanged' ? '' : words.kinds[action]}</span>
          </li>
        ))}
        {openings.map(({ who, app, circumstances, cause }) => (
          <li key={`${who} ${app} ${circumstances}`}>
            {text.whatIf.opensLine(plain(app), plain(who), plain(circumstances))}{' '}
            <span className="second">{plain(cause)}</span>
          </li>
        ))}
        {warnings.map(({ document, message }) => (
          <li key={`${document} ${message}`} className="second">
            {plain(message)}
          </li>
        ))}
      </ul>
      <TextField label={words.why} hint={words.whyHint} value={why} onText={onWhy} maxLength={500} />
      <div className="row">
        <Button look="danger" onClick={onDo} busy={isBusy}>
          {words.restore}
        </Button>
        <Button look="text" onClick={onCancel} disabled={isBusy}>
          {text.action.cancel}
        </Button>
      </div>
    </div>
  )
}
