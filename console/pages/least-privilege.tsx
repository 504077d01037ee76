// *Least privilege*: the fewest rules that cover what was used, to be reviewed; nothing is applied from here.
import { Link } from '@tanstack/react-router'
import { useMemo, useState, type FormEvent, type ReactNode } from 'react'
import { usePolicyJob, type Job } from '#console/api/use-policy-job.ts'
import { Button } from '#console/components/button.tsx'
import { DataTable, type Column } from '#console/components/data-table.tsx'
import { SelectField } from '#console/components/field.tsx'
import { Moment } from '#console/components/moment.tsx'
import { Page, Section } from '#console/components/page.tsx'
import { Failed, Note } from '#console/components/state.tsx'
import { useTenant } from '#console/components/who.ts'
import { count } from '#console/messages/plural.ts'
import { text } from '#console/messages/text.ts'

type Proposal = NonNullable<Job['proposal']>
type Rule = Proposal['rules'][number]
type Break = Proposal['heldOut']['breaks'][number]

const daySeconds = 86_400
const sinceDays = [7, 30, 90] as const
const holdOutDays = [1, 3, 7, 14] as const

export function LeastPrivilegePage(): ReactNode {
  const tenant = useTenant()
  const [since, setSince] = useState('30')
  const [holdOut, setHoldOut] = useState('7')
  const { job, error, isBusy, ask, stop } = usePolicyJob(tenant)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const sinceSeconds = Number(since) * daySeconds
    ask({ kind: 'propose', sinceSeconds, holdOutSeconds: Math.min(Number(holdOut) * daySeconds, sinceSeconds / 2) })
  }
  const choices = (days: readonly number[]) => days.map((each) => [String(each), text.whatIf.days(each)] as const)
  return (
    <Page
      title={text.whatIf.least}
      lead={text.whatIf.leastLead}
      crumb={
        <Link to="/t/$tenant/policies" params={{ tenant }}>
          {text.policies.title}
        </Link>
      }
    >
      <div className="stack-wide">
        <form className="toolbar" onSubmit={submit}>
          <SelectField label={text.whatIf.since} value={since} onText={setSince} choices={choices(sinceDays)} />
          <SelectField label={text.whatIf.holdOut} value={holdOut} onText={setHoldOut} choices={choices(holdOutDays)} />
          <Button type="submit" look="main" busy={isBusy}>
            {text.whatIf.work}
          </Button>
        </form>
        {error !== null && <Failed error={error} />}
        {isBusy && (
          <div className="row" role="status">
            <span className="second">{text.whatIf.working(job?.progress.words ?? '', job?.progress.done ?? 0)}</span>
            <Button look="text" onClick={stop}>
              {text.whatIf.stop}
            </Button>
          </div>
        )}
        {job?.proposal && <Report proposal={job.proposal} />}
      </div>
    </Page>
  )
}

function Report({ proposal }: { readonly proposal: Proposal }): ReactNode {
  const { rules, heldOut, pairs, notes, yaml, used, covered } = proposal
  const ruleColumns = useMemo<readonly Column<Rule>[]>(
    () => [
      { id: 'app', head: text.whatIf.app, cell: ({ app }) => app },
      { id: 'who', head: text.whatIf.who, cell: ({ group, user }) => group ?? user },
      { id: 'covers', head: text.whatIf.covers, look: 'end', cell: ({ covers }) => count(covers) },
      { id: 'members', head: text.whatIf.members, look: 'end', cell: ({ members }) => count(members) },
    ],
    [],
  )
  const breakColumns = useMemo<readonly Column<Break>[]>(
    () => [
      { id: 'user', head: text.whatIf.who, cell: ({ user }) => user },
      { id: 'app', head: text.whatIf.app, cell: ({ app }) => app },
      { id: 'used', head: text.whatIf.used, look: 'end', cell: ({ decisions }) => count(decisions) },
      { id: 'last', head: text.whatIf.last, look: 'end', cell: ({ last }) => <Moment at={last} /> },
    ],
    [],
  )
  return (
    <div className="stack-wide" aria-live="polite">
      <p className="prose">
        {text.whatIf.proposal(rules.length, covered, used)}{' '}
        {text.whatIf.heldOut(heldOut.coveredDecisions, heldOut.decisions)}{' '}
        {text.whatIf.removed(pairs.now, pairs.proposed)}
      </p>
      {notes.map((note) => (
        <Note key={note}>{note}</Note>
      ))}
      <Section title={text.whatIf.breaks}>
        {heldOut.breaks.length === 0 ? (
          <Note kind="allow">{text.whatIf.nothingBreaks}</Note>
        ) : (
          <DataTable
            label={text.whatIf.breaks}
            columns={breakColumns}
            rows={heldOut.breaks.slice(0, 50)}
            rowKey={({ user, app }) => `${user} ${app}`}
            empty={null}
          />
        )}
      </Section>
      <Section title={text.whatIf.rules}>
        <DataTable
          label={text.whatIf.rules}
          columns={ruleColumns}
          rows={rules.slice(0, 100)}
          rowKey={({ app, group, user }) => `${app} ${group ?? ''} ${user ?? ''}`}
          empty={null}
        />
      </Section>
      <Section title={text.whatIf.yaml}>
        <textarea className="input mono" readOnly rows={16} aria-label={text.whatIf.yaml} value={yaml} />
      </Section>
    </div>
  )
}
