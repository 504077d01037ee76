// Facts of one access, as the exchange knows them, to Cedar's request in the shape of the schema. Must never invent a
// fact: what is not known is absent, and a policy that needs it does not apply.
import { Fault } from '#core/fault.ts'
import { Datetime } from './datetime.ts'
import { parseIpaddr } from './ipaddr.ts'
import type { Request } from './request.ts'
import { type ActionName, actionNames, entityTypes } from './schema.ts'
import { CedarRecord, CedarSet, EntityUid } from './value.ts'

export type AuthorizationFacts = {
  /** The user's name in policies. Groups, organisation and attributes come from the entity store. */
  readonly user: string
  readonly action: ActionName
  readonly resource:
    | { readonly kind: 'app'; readonly name: string }
    | {
        readonly kind: 'destination'
        readonly host: string
        /** Of the host at that moment; no store knows all hosts. */
        readonly categories?: readonly string[] | undefined
      }
  readonly session: {
    /** How the person proved who they are: `password`, `totp`, `passkey`, `certificate` … */
    readonly factors: readonly string[]
    /** Since sign-in. */
    readonly ageSeconds: number
    readonly door: 'browser' | 'agent' | 'web'
  }
  /** null: no device is known. */
  readonly device: { readonly id: string; readonly posture: 0 | 1 | 2; readonly os: string } | null
  /** The peer's address as text. */
  readonly ip: string
  readonly time: {
    readonly nowMs: number
    /** 0-23 in the tenant's time zone. */
    readonly hour: number
    /** 1 is Monday, 7 is Sunday, in the tenant's time zone. */
    readonly weekday: number
  }
  /** 0-100. */
  readonly risk: number
  /** An access request for exactly this user and resource is approved and not expired. */
  readonly approved: boolean
  /** Always for `request`, never for `connect`; for the others where the request can be seen. */
  readonly http: { readonly method: string; readonly path: string; readonly host: string } | null
}

const actions: ReadonlyMap<string, EntityUid> = new Map(
  actionNames.map((name) => [name, new EntityUid(entityTypes.action, name)]),
)

/** Throws `request-malformed` when a fact is not of its kind: a number that is no integer, an address that is none. */
export function requestOf(facts: AuthorizationFacts): Request {
  const action = actions.get(facts.action) ?? refuse('action')
  if (facts.http === null ? facts.action === 'request' : facts.action === 'connect') refuse('http')
  const { resource } = facts
  return {
    principal: new EntityUid(entityTypes.user, facts.user),
    action,
    resource:
      resource.kind === 'app'
        ? new EntityUid(entityTypes.app, resource.name)
        : new EntityUid(entityTypes.destination, resource.host),
    context: new CedarRecord(contextFields(facts)),
  }
}

function contextFields(facts: AuthorizationFacts): Map<string, CedarRecord | number | boolean> {
  const { session, device, http } = facts
  const fields = new Map<string, CedarRecord | number | boolean>()
  fields.set('session', sessionRecord(session))
  if (device !== null) {
    fields.set(
      'device',
      new CedarRecord(
        new Map<string, string | number>([
          ['id', device.id],
          ['posture', device.posture],
          ['os', device.os],
        ]),
      ),
    )
  }
  fields.set('network', networkRecord(facts.ip))
  fields.set('time', timeRecord(facts.time))
  fields.set('risk', integer(facts.risk, 'risk'))
  fields.set('approved', facts.approved)
  if (http !== null) {
    fields.set(
      'http',
      new CedarRecord(
        new Map([
          ['method', http.method],
          ['path', http.path],
          ['host', http.host],
        ]),
      ),
    )
  }
  return fields
}

function sessionRecord({ factors, ageSeconds, door }: AuthorizationFacts['session']): CedarRecord {
  return new CedarRecord(
    new Map<string, CedarSet | number | string>([
      ['factors', new CedarSet(factors)],
      ['ageSeconds', integer(ageSeconds, 'ageSeconds')],
      ['door', door],
    ]),
  )
}

function networkRecord(text: string): CedarRecord {
  return new CedarRecord(new Map([['ip', parseIpaddr(withoutMapping(text)) ?? refuse('ip')]]))
}

/** Node shows IPv4 peers of a dual-stack listener as `::ffff:192.0.2.1`; a policy about 192.0.2.0/24 means them too. */
function withoutMapping(text: string): string {
  return text.startsWith('::ffff:') && text.includes('.') ? text.slice('::ffff:'.length) : text
}

function timeRecord({ nowMs, hour, weekday }: AuthorizationFacts['time']): CedarRecord {
  return new CedarRecord(
    new Map<string, Datetime | number>([
      ['now', new Datetime(integer(nowMs, 'nowMs'))],
      ['hour', integer(hour, 'hour')],
      ['weekday', integer(weekday, 'weekday')],
    ]),
  )
}

function integer(value: number, name: string): number {
  return Number.isSafeInteger(value) ? value : refuse(name)
}

function refuse(name: string): never {
  throw new Fault('request-malformed', { detail: { fact: name } })
}
