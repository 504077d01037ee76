// One step of a playbook, and where it leads. Each may be done twice after a crash, so each looks at what is there first.
// Must never contain an administrator, nor for longer than a day: nobody has looked yet.
import { Fault } from '#core/fault.ts'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import { leadsTo, playbookSpanMs, type PlaybookStep } from '#core/resources/playbook.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { containSubject } from '#control/directory/contain.ts'
import {
  addEntry,
  addLink,
  closeIncident,
  incidentRow,
  stateAfter,
  tellIncident,
  type Doer,
  type Incident,
} from '#control/incidents/acts.ts'
import type { TenantTransaction } from '#control/store/tenant-handle.ts'
import { specOfRun, type Run } from './store.ts'

/** What the run is after the step. */
type Next = Pick<Run, 'state' | 'step' | 'dueAtMs' | 'question' | 'why'>

export function doerOfRun(run: Run): Doer {
  return { id: run.id, name: `playbook ${run.playbook}` }
}

/** Throws Faults; the step is tried again then. */
export async function takeStep(run: Run, context: ControlContext): Promise<Next> {
  const { steps } = specOfRun(run)
  const at = steps.findIndex(({ id }) => id === run.step)
  const step = steps[at]
  if (!step) return ended('done')
  const incident = await incidentRow(context.store.forTenant(run.tenantId), run.incidentId)
  if (incident.state === 'closed') return { ...ended('stopped'), why: 'the incident was closed' }
  if (run.stepsDone >= caps.playbookSteps.default) return { ...ended('failed'), why: 'too many steps' }
  const nowMs = context.nowMs()
  const [then = 'end'] = leadsTo(steps, at)
  if ('ask' in step) {
    if (run.state !== 'asking') {
      await note(run, incident, `asks: ${step.ask.question}`, context)
      const dueAtMs = nowMs + playbookSpanMs(step.ask.within)
      return { state: 'asking', step: step.id, dueAtMs, question: step.ask.question, why: null }
    }
    await note(run, incident, `nobody answered: ${step.ask.question}`, context)
    return onTo(step.ask.silent, nowMs)
  }
  if ('wait' in step) {
    if (run.state !== 'waiting')
      return { state: 'waiting', step: step.id, dueAtMs: nowMs + playbookSpanMs(step.wait), question: null, why: null }
    return onTo(then, nowMs)
  }
  await act(run, incident, step, context)
  return 'close' in step ? ended('done') : onTo(then, nowMs)
}

export function onTo(step: string, nowMs: number): Next {
  return step === 'end' ? ended('done') : { state: 'running', step, dueAtMs: nowMs, question: null, why: null }
}

function ended(state: 'done' | 'stopped' | 'failed'): Next {
  return { state, step: 'end', dueAtMs: 0, question: null, why: null }
}

type Acting = Exclude<PlaybookStep, { ask: object } | { wait: string }>

async function act(run: Run, incident: Incident, step: Acting, context: ControlContext): Promise<void> {
  const handle = context.store.forTenant(run.tenantId)
  const by = doerOfRun(run)
  const nowMs = context.nowMs()
  if ('contain' in step) return contain(run, incident, step.contain, context)
  if ('comment' in step) return note(run, incident, step.comment, context)
  if ('release' in step) return release(run, incident, context)
  const row = await handle.transaction(async (tx) => {
    if ('close' in step)
      return closeIncident(tx, incident, { cause: step.close.cause, text: step.close.text ?? '' }, by, nowMs)
    await tx.updateTable('incidents').set({ severity: step.severity }).where('incidents.id', '=', incident.id).execute()
    await addEntry(tx, incident.id, 'triaged', step.severity, by, nowMs)
    return { ...incident, severity: step.severity }
  })
  await tellIncident('close' in step ? 'close' : 'update', row, by, context)
}

async function note(run: Run, incident: Incident, text: string, context: ControlContext): Promise<void> {
  await context.store
    .forTenant(run.tenantId)
    .transaction((tx) => addEntry(tx, incident.id, 'playbook', text, doerOfRun(run), context.nowMs()))
}

async function contain(
  run: Run,
  incident: Incident,
  { subject: kind, for: lasts }: Extract<PlaybookStep, { contain: object }>['contain'],
  context: ControlContext,
): Promise<void> {
  const { tenantId } = run
  const handle = context.store.forTenant(tenantId)
  const mirror = await context.mirrors.current(tenantId)
  const user = run.userId === null ? undefined : mirror.get('user', run.userId)
  const organisation = user?.organisationId ? mirror.get('organisation', user.organisationId) : undefined
  const subject = kind === 'user' ? user : organisation
  if (!subject) return note(run, incident, `nothing to contain: there is no ${kind}`, context)
  const administrators = await handle
    .selectFrom('roles')
    .select('roles.userId')
    .where('roles.role', '=', 'tenant-admin')
    .execute()
  const isAdministrator = administrators.some(({ userId }) =>
    kind === 'user' ? userId === subject.id : mirror.get('user', userId)?.organisationId === subject.id,
  )
  // Whoever can make detection suspect an administrator must not be able to shut the administrators out.
  if (isAdministrator) return note(run, incident, `${subject.name} is not contained: an administrator is`, context)
  const known = await handle
    .selectFrom('containments')
    .selectAll()
    .where('containments.ownerId', '=', run.id)
    .where('containments.subjectId', '=', subject.id)
    .executeTakeFirst()
  const row =
    known ??
    (
      await containSubject(
        tenantId,
        {
          subject: { kind, id: subject.id, name: subject.name },
          reason: `${incident.id}: ${incident.title}`.slice(0, 500),
          ownerId: run.id,
          expiresAtMs: context.nowMs() + Math.min(playbookSpanMs(lasts), caps.playbookContainMs.default),
          askedFrom: null,
          acknowledgesLockout: false,
        },
        context,
      )
    ).row
  const state = stateAfter(incident.state, 'contained')
  await handle.transaction(async (tx) => {
    await tx.updateTable('incidents').set({ state }).where('incidents.id', '=', incident.id).execute()
    await addLink(tx, incident.id, { kind: 'containment', refId: row.id, name: subject.name }, context.nowMs())
    await addEntry(tx, incident.id, 'contained', `${kind} ${subject.name}`, doerOfRun(run), context.nowMs())
  })
  await record(run, 'contain', subject.name, kind, { id: row.id, incident: incident.id }, context)
  await tellIncident('update', { ...incident, state }, doerOfRun(run), context)
}

async function release(run: Run, incident: Incident, context: ControlContext): Promise<void> {
  const names = await context.store.forTenant(run.tenantId).transaction(async (tx: TenantTransaction) => {
    const gone = await tx
      .deleteFrom('containments')
      .where('containments.ownerId', '=', run.id)
      .returning(['containments.id', 'containments.subjectName'])
      .execute()
    await tx.appendChanges(gone.map(({ id }) => ({ op: 'remove' as const, kind: 'containment' as const, id })))
    const told = gone.map(({ subjectName }) => subjectName)
    await addEntry(tx, incident.id, 'released', told.join(', '), doerOfRun(run), context.nowMs())
    return told
  })
  await record(run, 'releaseContainment', names.join(', '), 'containment', { incident: incident.id }, context)
}

/** What a playbook does is on record as what a person does is, with the run in the person's place. */
export async function record(
  run: Run,
  operation: string,
  target: string,
  resourceKind: string,
  details: Readonly<Record<string, unknown>>,
  context: ControlContext,
): Promise<void> {
  await context.journal.record(
    run.tenantId,
    journalEvent('apiActivity', 'other', {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId: run.tenantId,
      outcome: 'success',
      api: { operation, target, resourceKind },
      message: `The playbook ${run.playbook} did ${operation}: ${target}`.slice(0, 500),
      extra: { ...details, playbook: run.playbook, run: run.id },
    }),
  )
}

export function isOver(state: Run['state']): boolean {
  return state === 'done' || state === 'stopped' || state === 'failed'
}

export function requireOpen(run: Run): void {
  if (isOver(run.state)) throw new Fault('version-conflict', { hint: 'The run has ended.' })
}
