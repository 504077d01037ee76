// An incident as OCSF 1.9 tells of it: class 2005, one event for each change of state. Must never carry comments: what
// people write about a case stays in the case.
import { OCSF_VERSION, type JournalEvent } from './event.ts'

export type IncidentFacts = {
  readonly uid: string
  readonly timeMs: number
  readonly tenantId: string
  readonly incidentId: string
  readonly title: string
  readonly severity: 'low' | 'medium' | 'high' | 'critical'
  readonly state: 'open' | 'taken' | 'contained' | 'recovered' | 'closed'
  readonly cause: string | null
  readonly openedAtMs: number
  readonly closedAtMs: number | null
  readonly assignee: { readonly uid: string; readonly name: string } | null
  readonly findings: readonly { readonly uid: string; readonly title: string; readonly types: readonly string[] }[]
  /** Who or what changed it. */
  readonly by: { readonly uid: string; readonly name: string }
  readonly techniques?: readonly string[]
}

const activities = { create: 1, update: 2, close: 3 } as const
const severities = { low: 2, medium: 3, high: 4, critical: 5 } as const
/** OCSF: new, in progress, resolved, closed. */
const statuses = { open: 1, taken: 2, contained: 2, recovered: 4, closed: 5 } as const
/** OCSF: false positive, true positive, benign, test, insufficient data. */
const verdicts: Readonly<Record<string, number>> = {
  attack: 2,
  misuse: 2,
  mistake: 5,
  expected: 5,
  'false-alarm': 1,
  drill: 6,
  unknown: 7,
}

export function incidentEvent(activity: keyof typeof activities, facts: IncidentFacts): JournalEvent {
  const activityId = activities[activity]
  return {
    class_uid: 2005,
    category_uid: 2,
    activity_id: activityId,
    activity_name: activity,
    type_uid: 200_500 + activityId,
    time: facts.timeMs,
    severity_id: severities[facts.severity],
    status_id: statuses[facts.state],
    metadata: {
      version: OCSF_VERSION,
      uid: facts.uid,
      tenant_uid: facts.tenantId,
      product: { name: 'Sallyport', vendor_name: 'Sallyport' },
    },
    message: facts.title,
    start_time: facts.openedAtMs,
    ...(facts.closedAtMs !== null && { end_time: facts.closedAtMs }),
    finding_info_list:
      facts.findings.length > 0
        ? facts.findings.map(({ uid, title, types }) => ({ uid, title, types }))
        : [{ uid: facts.incidentId, title: facts.title }],
    ...(facts.cause !== null && { verdict_id: verdicts[facts.cause] ?? 99 }),
    ...(facts.assignee && { assignee: facts.assignee }),
    ...(facts.techniques &&
      facts.techniques.length > 0 && { attacks: facts.techniques.map((uid) => ({ technique: { uid } })) }),
    unmapped: { incident_uid: facts.incidentId, state: facts.state, cause: facts.cause, by: facts.by },
  }
}
