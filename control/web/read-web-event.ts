// What an event says about the way to the internet, whichever class it is of. Must never trust its shape: exchanges
// wrote it.
import { eventTimeMs } from '#core/events/event.ts'
import { eventClasses } from '#core/events/event.ts'

export type WebEvent = {
  readonly uid: string
  readonly timeMs: number
  readonly kind: 'closed' | 'site' | 'name' | 'content' | 'page' | 'dns'
  readonly isStopped: boolean
  readonly severity: number
  readonly user: string | null
  readonly host: string | null
  readonly reason: string | null
  readonly message: string | null
  readonly categories: readonly string[]
  /** Closed flows: whether it was looked into, and how much it carried. */
  readonly way: 'web' | 'passed' | null
  readonly bytes: number
  /** Decisions on what is passed: why. */
  readonly passedFor: string | null
  readonly requestEvent: string | null
}

/** `undefined`: it says nothing about the internet. */
export function readWebEvent(event: Readonly<Record<string, unknown>>): WebEvent | undefined {
  const own = record(event['unmapped'])
  const web = record(own['web'])
  const dns = record(own['dns'])
  const way = own['way'] === 'web' || own['way'] === 'passed' ? own['way'] : null
  const kind = kindOf(event['class_uid'], way, web, dns)
  if (kind === undefined) return undefined
  const destination = record(event['dst_endpoint'])
  const traffic = record(event['traffic'])
  return {
    uid: text(record(event['metadata'])['uid']) ?? '',
    timeMs: eventTimeMs(event['time']),
    kind,
    isStopped: event['status_id'] === 2,
    severity: Math.min(5, Math.max(1, Math.trunc(number(event['severity_id']) || 1))),
    user: text(record(record(event['actor'])['user'])['name']),
    host: text(destination['hostname']) ?? text(record(event['query'])['hostname']),
    reason: text(event['status_code']),
    message: text(event['message']),
    categories: names(web['categories'] ?? dns['categories']),
    way,
    bytes: number(traffic['bytes_in']) + number(traffic['bytes_out']),
    passedFor: web['inspected'] === false ? text(web['why']) : null,
    requestEvent: text(web['requestEvent']),
  }
}

function kindOf(
  classUid: unknown,
  way: WebEvent['way'],
  web: Readonly<Record<string, unknown>>,
  dns: Readonly<Record<string, unknown>>,
): WebEvent['kind'] | undefined {
  if (classUid === eventClasses.network.class_uid) return way === null ? undefined : 'closed'
  if (classUid === eventClasses.dns.class_uid) return Object.keys(dns).length > 0 ? 'name' : undefined
  if (Object.keys(web).length === 0) return undefined
  if (classUid === eventClasses.finding.class_uid)
    return web['dns'] !== undefined ? 'dns' : web['score'] !== undefined ? 'page' : 'content'
  const isDecision = classUid === eventClasses.authorization.class_uid || classUid === eventClasses.http.class_uid
  return isDecision ? 'site' : undefined
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, 500) : null
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0
}

function names(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string').slice(0, 32) : []
}
