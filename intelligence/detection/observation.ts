// The first step of detection: an OCSF event, from us or from anyone, becomes an observation: the few facts that
// detectors read, each of bounded size. Must never throw on hostile input, and never hand on what it did not check.
import { caps } from '#intelligence/caps.ts'

export type ObservationKind = 'sign-in' | 'access' | 'api' | 'finding'

export type Observation = {
  readonly id: string
  readonly timeMs: number
  readonly kind: ObservationKind
  readonly outcome: 'success' | 'failure'
  /** '' where the event names nobody. */
  readonly user: string
  readonly groups: readonly string[]
  /** A third party's name, or 'outside' where only the user's kind says so. */
  readonly organisation: string
  readonly ip: string
  /** A prefix coarse enough that a lease renewed by the provider stays inside. */
  readonly network: string
  readonly country: string
  readonly coordinates: readonly [latitude: number, longitude: number] | null
  readonly app: string
  /** True where the name of `app` is only a host name: perhaps an app, perhaps a place in the internet. */
  readonly isHostOnly: boolean
  readonly isOutbound: boolean
  readonly device: string
  readonly session: string
  /** Against the user's side: received, sent. 0 when unknown. */
  readonly bytesIn: number
  readonly bytesOut: number
  readonly operation: string
  /** A file, document or object. */
  readonly object: string
  readonly isPrompt: boolean
  readonly rttMs: number
  readonly finding: string
  readonly severity: number
}

export type Refusal = 'not-json' | 'no-time' | 'too-long' | 'not-needed'

type Fields = Readonly<Record<string, unknown>>
const none: Fields = {}
const maxCharacters = caps.fieldCharacters.default

/** The observation in a line, or why there is none. `place` names the event when it has no id of its own. */
export function readLine(line: string, place: string): Observation | Refusal {
  if (line.length > caps.lineBytes.default) return 'too-long'
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch {
    return 'not-json'
  }
  return typeof event === 'object' && event !== null && !Array.isArray(event)
    ? observe(event as Fields, place)
    : 'not-json'
}

/** Classes: 3002 sign-in, 3001/3003/3005/3006 and 4xxx access, 6xxx API and application activity, 2xxx findings. */
export function observe(event: Fields, place: string): Observation | Refusal {
  const kind = kindOf(number(event['class_uid']) || Math.floor(number(event['type_uid']) / 100))
  if (kind === undefined) return 'not-needed'
  // What detection itself has told is no news to it.
  if (kind === 'finding' && text(fields(event['finding_info'])['uid']).startsWith('sty_')) return 'not-needed'
  // What people do about a story is no behaviour either.
  if (event['class_uid'] === 2005 && text(fields(event['unmapped'])['incident_uid']).startsWith('inc_'))
    return 'not-needed'
  const metadata = fields(event['metadata'])
  const timeMs = timeOf(event['time'] ?? event['time_dt'] ?? event['start_time'] ?? metadata['logged_time'])
  if (timeMs === undefined) return 'no-time'
  const actor = fields(event['actor'])
  const user = first(fields(actor['user']), fields(event['user']), fields(event['user_result']))
  const source = fields(event['src_endpoint'])
  const target = fields(event['dst_endpoint'])
  const request = fields(event['http_request'])
  const url = fields(request['url'])
  const traffic = fields(event['traffic'])
  const api = fields(event['api'])
  const location = fields(source['location'])
  const session = first(fields(actor['session']), fields(event['session']))
  const device = first(fields(event['device']), fields(actor['device']), fields(source['device']))
  const unmapped = fields(event['unmapped'])
  const named = nameOfApp(event, target, api)
  const host = named || text(target['hostname']) || text(target['domain']) || text(url['hostname'])
  const app = host || text(target['uid']) || endpointOf(target)
  const ip = text(source['ip']) || text(fields(event['device'])['ip'])
  const object = objectOf(event)
  const words = kind === 'sign-in' ? signInWords(event) : ''
  return {
    id: text(metadata['uid']) || text(event['uid']) || text(event['event_uid']) || text(event['id']) || place,
    timeMs,
    kind,
    outcome: outcomeOf(event),
    user: text(user['uid']) || text(user['email_addr']) || text(user['name']) || text(user['uid_alt']),
    groups: groupsOf(user['groups'] ?? actor['groups']),
    organisation: organisationOf(user),
    ip,
    network: networkOf(ip),
    country: text(location['country']).toUpperCase(),
    coordinates: coordinatesOf(location),
    app,
    isHostOnly: named === '' && text(target['uid']) === '',
    isOutbound: number(fields(event['connection_info'])['direction_id']) === 2 && named === '',
    device: text(device['uid']) || text(device['uid_alt']) || text(device['hostname']) || text(device['name']),
    session: text(session['uid']),
    bytesIn: amount(traffic['bytes_in']),
    bytesOut: amount(traffic['bytes_out']) || (traffic['bytes_in'] === undefined ? amount(traffic['bytes']) : 0),
    operation: kind === 'api' ? text(api['operation']) || text(event['activity_name']) : '',
    object,
    isPrompt: /mfa|2fa|push|otp|prompt|second.?factor|multi.?factor/i.test(words),
    rttMs: amount(unmapped['rtt_ms'] ?? event['rtt_ms']),
    finding: kind === 'finding' ? findingOf(event) : '',
    severity: number(event['severity_id']),
  }
}

function kindOf(classUid: number): ObservationKind | undefined {
  if (classUid === 3002) return 'sign-in'
  if (classUid >= 2001 && classUid <= 2999) return 'finding'
  if (classUid >= 3001 && classUid <= 3999) return 'access'
  if (classUid >= 4001 && classUid <= 4999) return 'access'
  if (classUid >= 6001 && classUid <= 6999) return classUid === 6003 || classUid === 6004 ? 'api' : 'access'
  return undefined
}

const dayOne = Date.UTC(1990, 0, 1)
const lastDay = Date.UTC(2200, 0, 1)

/** Milliseconds, seconds or ISO 8601. */
function timeOf(value: unknown): number | undefined {
  let ms = Number.NaN
  if (typeof value === 'number') ms = value
  else if (typeof value === 'string') ms = /^\d{9,16}$/.test(value) ? Number(value) : Date.parse(value.slice(0, 64))
  if (ms > 0 && ms < 1e11) ms *= 1000
  else if (ms > 1e14 && ms < 1e17) ms /= 1000
  return ms >= dayOne && ms < lastDay ? Math.floor(ms) : undefined
}

function nameOfApp(event: Fields, target: Fields, api: Fields): string {
  return (
    text(target['svc_name']) ||
    text(event['app_name']) ||
    nameIn(event['app']) ||
    nameIn(event['service']) ||
    nameIn(api['service']) ||
    text(target['name']) ||
    nameIn(event['application'])
  )
}

function nameIn(value: unknown): string {
  return text(value) || text(fields(value)['name']) || text(fields(value)['uid'])
}

function endpointOf(target: Fields): string {
  const ip = text(target['ip'])
  return ip && target['port'] !== undefined ? `${ip}:${text(target['port'])}` : ip
}

function outcomeOf(event: Fields): 'success' | 'failure' {
  const statusId = number(event['status_id'])
  if (statusId === 2) return 'failure'
  if (number(event['action_id']) === 2 || number(event['disposition_id']) === 2) return 'failure'
  if (statusId === 1) return 'success'
  if (/^(fail|den[iy]|block|refus|reject|err)/i.test(text(event['status']))) return 'failure'
  const code = number(fields(event['http_response'])['code'])
  return code === 401 || code === 403 ? 'failure' : 'success'
}

function signInWords(event: Fields): string {
  const factors = Array.isArray(event['auth_factors']) ? event['auth_factors'].slice(0, 4) : []
  return [
    text(event['status_detail']),
    text(event['status_code']),
    text(event['message']),
    text(event['auth_protocol']),
    text(event['logon_type']),
    event['is_mfa'] === true ? 'mfa' : '',
    ...factors.map((factor) => text(fields(factor)['factor_type'])),
  ].join(' ')
}

function groupsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return value === '' ? [] : [text(value)]
  if (!Array.isArray(value)) return []
  return value
    .slice(0, caps.groupsPerEvent.default)
    .map((group) => text(group) || text(fields(group)['name']) || text(fields(group)['uid']))
    .filter((name) => name !== '')
}

const outsideWords = /^(external|guest|contractor|vendor|partner|third[- _]?party|supplier)s?$/i

function organisationOf(user: Fields): string {
  const name = nameIn(user['org'])
  if (name !== '') return name
  return outsideWords.test(text(user['type'])) ? 'outside' : ''
}

function objectOf(event: Fields): string {
  const resources: unknown = Array.isArray(event['resources']) ? event['resources'][0] : event['resource']
  return text(fields(event['file'])['path']) || text(fields(event['file'])['name']) || nameIn(resources)
}

function findingOf(event: Fields): string {
  const info = fields(event['finding_info'])
  const types = Array.isArray(info['types']) ? text(info['types'][0]) : ''
  return types || text(info['title']) || text(event['message']) || `class ${text(event['class_uid'])}`
}

function coordinatesOf(location: Fields): readonly [number, number] | null {
  const pair = location['coordinates']
  // OCSF's coordinates are [longitude, latitude]; `lat` and `long` are their successors.
  const longitude = Array.isArray(pair) ? Number(pair[0]) : Number(location['long'] ?? Number.NaN)
  const latitude = Array.isArray(pair) ? Number(pair[1]) : Number(location['lat'] ?? Number.NaN)
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? [latitude, longitude] : null
}

/** IPv4: /16. IPv6: /32. Anything else as it stands. */
function networkOf(ip: string): string {
  const dotted = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/i.exec(ip)
  if (dotted) return `${dotted[1]}.${dotted[2]}`
  if (!ip.includes(':')) return ip
  const [high = '', low = ''] = ip.toLowerCase().split(':')
  return `${high}:${low}`
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : none
}

function first(...candidates: readonly Fields[]): Fields {
  return candidates.find((each) => each !== none) ?? none
}

function text(value: unknown): string {
  if (typeof value === 'string') return value.length > maxCharacters ? value.slice(0, maxCharacters) : value
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : ''
}

function number(value: unknown): number {
  const parsed = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : 0
}

/** Not negative, and small enough to be summed without losing whole numbers. */
function amount(value: unknown): number {
  return Math.min(Math.max(0, number(value)), 1e15)
}
