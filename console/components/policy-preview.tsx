// *Preview change*: everything that is known of a change before it is saved: tests, what it opens, what becomes possible
// or impossible, and what it would have done to the last days. Must never save anything.
import { useEffect, useMemo, type ReactNode } from 'react'
import { usePolicyJob } from '#console/api/use-policy-job.ts'
import { useRoute } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { Button } from './button.tsx'
import { Section } from './page.tsx'
import { PolicyChecks } from './policy-checks.tsx'
import { PolicyReach } from './policy-reach.tsx'
import { PolicyReplay } from './policy-replay.tsx'
import { Failed, FaultNote } from './state.tsx'

const previewDays = 30
const daySeconds = 86_400

/** `documents` are as for apply; a new list starts a new preview. */
export function PolicyPreview({
  tenant,
  documents,
}: {
  readonly tenant: string
  readonly documents: readonly object[]
}): ReactNode {
  const body = useMemo(() => ({ documents: [...documents] }), [documents])
  const checks = useRoute('testPolicies', { params: { tenant }, body })
  const replay = usePolicyJob(tenant)
  const reach = usePolicyJob(tenant)
  useEffect(() => {
    replay.ask({ kind: 'replay', ...body, sinceSeconds: previewDays * daySeconds })
    reach.ask({ kind: 'reach', ...body })
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- asked once for each list of documents
  }, [body])
  return (
    <Section title={text.whatIf.previewTitle}>
      <div className="stack-wide">
        {checks.isError && <FaultNote error={checks.error} />}
        {checks.data && <PolicyChecks checks={checks.data} />}
        {reach.error !== null && <Failed error={reach.error} />}
        {reach.job?.reach && <PolicyReach report={reach.job.reach} />}
        {replay.error !== null && <Failed error={replay.error} />}
        {replay.isBusy && (
          <div className="row" role="status">
            <span className="second">
              {text.whatIf.working(replay.job?.progress.words ?? '', replay.job?.progress.done ?? 0)}
            </span>
            <Button look="text" onClick={replay.stop}>
              {text.whatIf.stop}
            </Button>
          </div>
        )}
        {replay.job?.replay && <PolicyReplay report={replay.job.replay} days={previewDays} />}
      </div>
    </Section>
  )
}
