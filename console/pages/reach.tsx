// *Reach*: who could reach which app at all, under circumstances that can be stated.
import { Link } from '@tanstack/react-router'
import { useEffect, useState, type ReactNode } from 'react'
import { usePolicyJob } from '#console/api/use-policy-job.ts'
import { SelectField } from '#console/components/field.tsx'
import { Page } from '#console/components/page.tsx'
import { PolicyReach } from '#console/components/policy-reach.tsx'
import { Failed } from '#console/components/state.tsx'
import { useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'

const postures = [0, 1, 2] as const

export function ReachPage(): ReactNode {
  const tenant = useTenant()
  const [stated, setStated] = useState('')
  const { job, error, isBusy, ask } = usePolicyJob(tenant)
  const look = (posture: string) => {
    const known = postures.find((each) => String(each) === posture)
    ask({ kind: 'reach', ...(known !== undefined && { context: { posture: known } }) })
  }
  useEffect(() => {
    look(stated)
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- asked once for what is stated
  }, [tenant, stated])
  return (
    <Page
      title={text.whatIf.reach}
      lead={text.whatIf.reachLead}
      crumb={
        <Link to="/t/$tenant/policies" params={{ tenant }}>
          {text.policies.title}
        </Link>
      }
    >
      <div className="stack-wide">
        <div className="toolbar">
          <SelectField
            label={text.whatIf.posture}
            value={stated}
            onText={setStated}
            choices={[
              ['', text.whatIf.postureAny],
              ...postures.map((each) => [String(each), text.whatIf.postures[each]] as const),
            ]}
          />
        </div>
        {error !== null && <Failed error={error} onRetry={() => look(stated)} />}
        {isBusy && <p role="status">{text.whatIf.working(job?.progress.words ?? '', 0)}</p>}
        {job?.reach && <PolicyReach report={job.reach} />}
      </div>
    </Page>
  )
}
