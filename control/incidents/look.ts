// The events of an incident: everything in the journal about what it is linked to, from its beginning on. Must never look
// through more than its cap, and says when there was more.
import type { JournalEvent } from '#core/events/event.ts'
import { Fault } from '#core/fault.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import type { Row } from '#control/records/from-rows.ts'
import { factsOfEvent, type EventFacts } from './event-facts.ts'
import type { Incident } from './acts.ts'

export type Looked = {
  /** Oldest first. */
  readonly events: readonly { readonly event: JournalEvent; readonly facts: EventFacts }[]
  readonly isPartial: boolean
}

const DAY_MS = 86_400_000
const AFTER_MS = 3_600_000

const fieldOf: Partial<Record<Row<'incidentLinks'>['kind'], string>> = {
  user: 'actor.user.uid',
  device: 'device.uid',
  session: 'actor.session.uid',
  app: 'dst_endpoint.uid',
  connector: 'unmapped.connector_uid',
  event: 'metadata.uid',
}

/** How many look at this moment, by tenant: one reads much of a disk that all tenants share. */
const looking = new Map<string, number>()

/** Throws Fault `at-capacity` when others of the tenant look already. */
export async function lookAtEvents(
  incident: Incident,
  links: readonly Row<'incidentLinks'>[],
  context: ControlContext,
): Promise<Looked> {
  const { tenantId } = incident
  const before = looking.get(tenantId) ?? 0
  if (before >= caps.incidentLooks.default)
    throw new Fault('at-capacity', { hint: 'Others read this journal at the moment; try again in a few seconds.' })
  looking.set(tenantId, before + 1)
  try {
    return await look(incident, links, context)
  } finally {
    const now = (looking.get(tenantId) ?? 1) - 1
    if (now > 0) looking.set(tenantId, now)
    else looking.delete(tenantId)
  }
}

async function look(
  incident: Incident,
  links: readonly Row<'incidentLinks'>[],
  context: ControlContext,
): Promise<Looked> {
  const fromMs = Math.max(incident.fromMs, context.nowMs() - caps.incidentDays.default * DAY_MS)
  const untilMs = incident.closedAtMs === null ? undefined : incident.closedAtMs + AFTER_MS
  const subjects = links.flatMap(({ kind, refId }) => {
    const field = fieldOf[kind]
    return field === undefined ? [] : [{ field, refId }]
  })
  const found = new Map<string, { readonly event: JournalEvent; readonly facts: EventFacts }>()
  let isPartial = subjects.length > caps.incidentSubjects.default
  // Each is a reading of the journal of its own: what does not fit the time is left out, and that is said.
  const endMs = performance.now() + caps.incidentLookMs.default
  for (const { field, refId } of subjects.slice(-caps.incidentSubjects.default)) {
    const left = caps.incidentLook.default - found.size
    if (left <= 0 || performance.now() > endMs) {
      isPartial = true
      break
    }
    const page = await context.journal.list(incident.tenantId, {
      limit: left,
      fields: { [field]: refId },
      fromMs,
      ...(untilMs !== undefined && { untilMs }),
    })
    if (page.next !== null) isPartial = true
    for (const { event } of page.items) {
      const facts = factsOfEvent(event)
      found.set(facts.uid, { event, facts })
    }
  }
  return { events: [...found.values()].toSorted((a, b) => a.facts.atMs - b.facts.atMs), isPartial }
}
