// Recorded decisions out of the journal itself, in the form in which the lake gives them: for installations without a
// lake, and for tests. Reads every event of the time asked for, so that it is slow where there are many. Must never make
// one class of decisions that differ in what was asked to be told apart.
import { readRecordedFacts } from '#core/policy/recorded-facts.ts'
import type { AuthorizationFacts } from '#core/policy/decide.ts'
import { readEvents } from '#journal/read.ts'
import {
  inputDimensions,
  type BreakDimension,
  type DecisionClass,
  type DecisionClassesQuery,
  type DecisionSource,
  type InputDimension,
} from '#lake/decisions.ts'
import { maxJournalClasses } from './caps.ts'

const classesPerBatch = 5_000

export function journalDecisions(root: string): DecisionSource {
  return { decisionClasses: (query, signal) => classesOf(root, query, signal) }
}

async function* classesOf(
  root: string,
  query: DecisionClassesQuery,
  signal: AbortSignal,
): AsyncGenerator<readonly DecisionClass[]> {
  let classes = new Map<string, DecisionClass>()
  let after: string | undefined
  for (;;) {
    const reading = readEvents(root, {
      tenant: query.tenant,
      order: 'oldest-first',
      fromMs: query.sinceMs,
      limit: Number.MAX_SAFE_INTEGER,
      signal,
      ...(after !== undefined && { afterCursor: after }),
    })
    for await (const { event } of reading) {
      const found = classOf(event)
      // Writers tell of their own clock; what counts is when the exchange decided.
      if (found === null || found.lastMs < query.sinceMs || found.lastMs >= query.untilMs) continue
      if (!isWanted(found, query)) continue
      const key = keyOf(found, query)
      const known = classes.get(key)
      classes.set(key, known === undefined ? found : joined(known, found))
      if (classes.size < maxJournalClasses) continue
      // Told in parts: a class may come twice, and its counts add up all the same.
      yield* batches(classes)
      classes = new Map()
    }
    if (reading.end() === 'all') break
    after = reading.cursor()
  }
  yield* batches(classes)
}

function* batches(classes: ReadonlyMap<string, DecisionClass>): Generator<readonly DecisionClass[]> {
  let batch: DecisionClass[] = []
  for (const each of classes.values()) {
    batch.push(each)
    if (batch.length < classesPerBatch) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function classOf(event: Readonly<Record<string, unknown>>): DecisionClass | null {
  const { action_id: action, time } = event
  if ((action !== 1 && action !== 2) || typeof time !== 'number') return null
  // Somebody turned away at a door: there was nothing to decide.
  if (event['class_uid'] === 4001) return null
  const user = record(record(event['actor'])['user'])
  const destination = record(event['dst_endpoint'])
  const inputs: unknown = record(event['unmapped'])['inputs']
  const facts = readRecordedFacts(inputs)
  const authorizations = event['authorizations']
  return {
    inputs: facts,
    isForeign: facts === null && inputs !== undefined,
    outcome: action === 1 ? 'allow' : 'deny',
    reason: text(event['status_code']),
    policies: (Array.isArray(authorizations) ? authorizations : [])
      .map((each: unknown) => text(record(record(each)['policy'])['name']))
      .filter((name) => name !== null),
    count: 1,
    firstMs: time,
    lastMs: time,
    user:
      typeof user['name'] === 'string'
        ? { uid: text(user['uid']) ?? '', name: user['name'], org: text(record(user['org'])['name']), groups: [] }
        : null,
    app:
      typeof event['app_name'] === 'string' ? { uid: text(destination['uid']) ?? '', name: event['app_name'] } : null,
  }
}

function isWanted({ user, app }: DecisionClass, { users, apps }: DecisionClassesQuery): boolean {
  if (users !== undefined && (user === null || !users.includes(user.name))) return false
  return apps === undefined || (app !== null && apps.includes(app.name))
}

function joined(known: DecisionClass, found: DecisionClass): DecisionClass {
  const newer = found.lastMs >= known.lastMs ? found : known
  return {
    ...newer,
    count: known.count + found.count,
    firstMs: Math.min(known.firstMs, found.firstMs),
    lastMs: Math.max(known.lastMs, found.lastMs),
  }
}

function keyOf(
  { inputs, isForeign, outcome, reason, policies, user, app }: DecisionClass,
  query: DecisionClassesQuery,
) {
  const { distinguish = inputDimensions, breaks = {} } = query
  const parts: unknown[] = [outcome, reason, policies, user?.name, user?.org, app?.name, isForeign]
  if (inputs !== null) {
    const { resource } = inputs
    parts.push(inputs.user, inputs.action, resource, inputs.device === null, inputs.http === null)
    for (const name of distinguish) parts.push(readers[name](inputs))
    for (const [name, values] of Object.entries(breaks) as [BreakDimension, readonly number[]][])
      if (!distinguish.includes(name)) parts.push(intervalOf(Number(readers[name](inputs)), values))
  }
  return JSON.stringify(parts)
}

function intervalOf(value: number, breaks: readonly number[]): number {
  let at = 0
  while (at < breaks.length && value >= (breaks[at] ?? Infinity)) at++
  return at
}

const readers: Readonly<Record<InputDimension, (facts: AuthorizationFacts) => unknown>> = {
  'session.factors': ({ session }) => session.factors.toSorted(),
  'session.ageSeconds': ({ session }) => session.ageSeconds,
  'session.door': ({ session }) => session.door,
  'device.id': ({ device }) => device?.id,
  'device.posture': ({ device }) => device?.posture,
  'device.os': ({ device }) => device?.os,
  ip: ({ ip }) => ip,
  'time.nowMs': ({ time }) => time.nowMs,
  'time.hour': ({ time }) => time.hour,
  'time.weekday': ({ time }) => time.weekday,
  risk: ({ risk }) => risk,
  approved: ({ approved }) => approved,
  'http.method': ({ http }) => http?.method,
  'http.path': ({ http }) => http?.path,
  'http.host': ({ http }) => http?.host,
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
