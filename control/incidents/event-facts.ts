// What an incident needs of an event of the journal. Events come from exchanges: every field may be anything, so each is
// taken only when it has the form that it should.
import { eventTimeMs, type JournalEvent } from '#core/events/event.ts'

export type EventFacts = {
  readonly uid: string
  readonly atMs: number
  readonly classUid: number
  readonly activity: string
  readonly isRefused: boolean
  readonly user: { readonly id: string; readonly name: string } | null
  readonly deviceId: string | null
  readonly sessionId: string | null
  readonly app: { readonly id: string; readonly name: string } | null
  readonly host: string | null
  readonly bytesIn: number
  readonly bytesOut: number
  readonly ip: string | null
  readonly text: string
}

const REFUSED = 2
const DECISION = 3003
const MAX_TEXT = 300

export function factsOfEvent(event: JournalEvent): EventFacts {
  const at = (path: string) => valueAt(event, path)
  const text = (path: string): string | null => {
    const value = at(path)
    return typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : null
  }
  const number = (path: string): number => {
    const value = at(path)
    return typeof value === 'number' && Number.isFinite(value) ? value : 0
  }
  const userId = text('actor.user.uid')
  const appId = text('dst_endpoint.uid')
  const said = [
    text('message'),
    text('http_request.http_method'),
    text('http_request.url.path'),
    text('api.operation'),
    text('status_code'),
  ].filter((part) => part !== null)
  return {
    uid: text('metadata.uid') ?? '',
    atMs: eventTimeMs(at('time')),
    classUid: number('class_uid'),
    activity: text('activity_name') ?? '',
    isRefused: number('status_id') === REFUSED || number('action_id') === REFUSED,
    user: userId === null ? null : { id: userId, name: text('actor.user.name') ?? userId },
    deviceId: text('device.uid'),
    sessionId: text('actor.session.uid'),
    app: appId === null ? null : { id: appId, name: text('app_name') ?? text('dst_endpoint.svc_name') ?? appId },
    host: text('dst_endpoint.hostname') ?? text('http_request.url.hostname'),
    bytesIn: number('traffic.bytes_in'),
    bytesOut: number('traffic.bytes_out'),
    ip: text('src_endpoint.ip'),
    text: said.join(' ').slice(0, MAX_TEXT),
  }
}

/** Decisions, flows and requests: what tells of somebody who reached, or tried to reach, something. */
export function isAccess({ classUid, activity }: EventFacts): boolean {
  return classUid === DECISION || classUid === 4002 || (classUid === 4001 && activity !== 'close')
}

/** The value at a dotted path; of an array, its first element. */
export function valueAt(event: JournalEvent, path: string): unknown {
  let value: unknown = event
  for (const key of path.split('.')) {
    if (Array.isArray(value)) value = value[0]
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return Array.isArray(value) ? value[0] : value
}
