// Which events a question is about, as conditions in SQL. Must never put a word of the caller into the statement: values
// are parameters, columns come from tables of ours.
import { Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { MAX_FILTER_CHARACTERS, MAX_FILTER_VALUES } from './caps.ts'
import { quoteName, type ColumnName } from './columns.ts'
import type { Parameters } from './database.ts'

export type EventFilter = {
  readonly tenant: TenantId
  /** Milliseconds since 1970, by the event's own time: from, included. Default: the beginning. */
  readonly sinceMs?: number
  /** … and until, not included. Default: the end. */
  readonly untilMs?: number
  /** OCSF class_uid, any of them. */
  readonly classUids?: readonly number[]
  /** Each list: any of its values, an id or a name, equal in full. Several lists: all of them must hold. */
  readonly users?: readonly string[]
  readonly organisations?: readonly string[]
  readonly devices?: readonly string[]
  readonly sessions?: readonly string[]
  readonly sources?: readonly string[]
  readonly apps?: readonly string[]
  readonly destinations?: readonly string[]
  readonly connectors?: readonly string[]
  readonly exchanges?: readonly string[]
  readonly flows?: readonly string[]
  readonly policies?: readonly string[]
  readonly reasons?: readonly string[]
  readonly operations?: readonly string[]
  readonly decision?: 'allow' | 'deny'
  readonly outcome?: 'success' | 'failure'
  /** Found anywhere in one of the named fields, ignoring case. No pattern: every character stands for itself. */
  readonly text?: { readonly contains: string; readonly in?: readonly TextField[] }
}

const textFields = {
  user: 'user_name',
  organisation: 'org',
  app: 'app_name',
  host: 'host',
  source: 'src_ip',
  path: 'path',
  reason: 'reason',
  operation: 'operation',
  target: 'target',
  message: 'message',
  /** The whole event as JSON text; slow over long ranges. */
  event: 'event',
} as const satisfies Record<string, ColumnName>
export type TextField = keyof typeof textFields

const defaultTextFields: readonly TextField[] = ['user', 'app', 'host', 'path', 'reason', 'target', 'message']

const subjects = {
  users: ['user_uid', 'user_name'],
  organisations: ['org'],
  devices: ['device_uid'],
  sessions: ['session_uid'],
  sources: ['src_ip'],
  apps: ['app_uid', 'app_name'],
  destinations: ['host'],
  connectors: ['connector_uid'],
  exchanges: ['exchange_uid'],
  flows: ['flow_uid'],
  reasons: ['reason'],
  operations: ['operation'],
} as const satisfies Record<string, readonly ColumnName[]>

export type Condition = { readonly sql: string; readonly parameters: Parameters }

/** Every filter's bounds on time, in force. */
export function rangeOf({ sinceMs = 0, untilMs = Number.MAX_SAFE_INTEGER }: Pick<EventFilter, 'sinceMs' | 'untilMs'>): {
  readonly sinceMs: number
  readonly untilMs: number
} {
  if (!Number.isSafeInteger(sinceMs) || !Number.isSafeInteger(untilMs)) refuse('A time is not a whole number.')
  return { sinceMs, untilMs }
}

/** Throws `request-malformed` for what is no filter. */
export function conditionOf(filter: EventFilter): Condition {
  const { sinceMs, untilMs } = rangeOf(filter)
  const parameters: Record<string, string | number> = { sinceMs, untilMs }
  const all = ['"time" >= $sinceMs', '"time" < $untilMs']
  const bind = (name: string, values: readonly (string | number)[]): string => {
    if (values.length === 0 || values.length > MAX_FILTER_VALUES) refuse(`${name}: 1 to ${MAX_FILTER_VALUES} values.`)
    return values
      .map((value, at) => {
        parameters[`${name}${at}`] = typeof value === 'number' ? value : word(name, value)
        return `$${name}${at}`
      })
      .join(', ')
  }
  if (filter.classUids !== undefined) {
    if (!filter.classUids.every((one) => Number.isSafeInteger(one))) refuse('A class is not a whole number.')
    all.push(`class_uid IN (${bind('class', filter.classUids)})`)
  }
  for (const name of Object.keys(subjects).filter(isSubject)) {
    const values = filter[name]
    if (values === undefined) continue
    const bound = bind(name, values)
    all.push(`(${subjects[name].map((column) => `${quoteName(column)} IN (${bound})`).join(' OR ')})`)
  }
  if (filter.policies !== undefined) {
    const bound = bind('policies', filter.policies)
    all.push(`(list_has_any(policies, [${bound}]) OR list_has_any(policy_uids, [${bound}]))`)
  }
  if (filter.decision !== undefined) {
    if (filter.decision !== 'allow' && filter.decision !== 'deny') refuse('A decision is allow or deny.')
    parameters['decision'] = filter.decision
    all.push('decision = $decision')
  }
  if (filter.outcome !== undefined) all.push(`status_id = ${filter.outcome === 'success' ? 1 : 2}`)
  if (filter.text !== undefined) {
    const { contains, in: named = defaultTextFields } = filter.text
    parameters['text'] = word('text', contains).toLowerCase()
    if (named.length === 0 || !named.every(isTextField)) refuse('There is no such field to search in.')
    const found = named.map((name) => `contains(lower(${quoteName(textFields[name])}), $text)`)
    all.push(`(${found.join(' OR ')})`)
  }
  return { sql: all.join(' AND '), parameters }
}

function word(name: string, value: string): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_FILTER_CHARACTERS) {
    refuse(`${name}: 1 to ${MAX_FILTER_CHARACTERS} characters.`)
  }
  // As the columns hold it.
  return value.toWellFormed().replaceAll('\0', '\uFFFD')
}

function isSubject(name: string): name is keyof typeof subjects {
  return Object.hasOwn(subjects, name)
}

function isTextField(name: string): name is TextField {
  return Object.hasOwn(textFields, name)
}

export function refuse(hint: string): never {
  throw new Fault('request-malformed', { hint })
}
