// The recorded inputs of a decision as columns, and back. Must be exact: what cannot be put back together as it was is
// not taken apart, but kept as text.
import type { AuthorizationFacts } from '#core/policy/decide.ts'
import { actionNames } from '#core/policy/schema.ts'
import { isObject } from '#journal/record.ts'

/** Columns of the recorded inputs; `in_form` says what the others hold. */
export type InputColumns = {
  readonly in_form: InputForm
  readonly in_user: string | null
  readonly in_action: string | null
  readonly in_resource_kind: string | null
  readonly in_resource: string | null
  /** JSON text of the list, in its recorded order. */
  readonly in_factors: string | null
  readonly in_age_s: number | null
  readonly in_door: string | null
  readonly in_device_id: string | null
  readonly in_posture: number | null
  readonly in_os: string | null
  readonly in_ip: string | null
  readonly in_now_ms: number | null
  readonly in_hour: number | null
  readonly in_weekday: number | null
  readonly in_risk: number | null
  readonly in_approved: boolean | null
  readonly in_method: string | null
  readonly in_path: string | null
  readonly in_host: string | null
  /** JSON text, only of a form that we do not know. */
  readonly in_other: string | null
}

/** 0: nothing was recorded. 1: in columns. 2: recorded in a form that this version does not know. */
export type InputForm = 0 | 1 | 2

const nothing: InputColumns = {
  in_form: 0,
  in_user: null,
  in_action: null,
  in_resource_kind: null,
  in_resource: null,
  in_factors: null,
  in_age_s: null,
  in_door: null,
  in_device_id: null,
  in_posture: null,
  in_os: null,
  in_ip: null,
  in_now_ms: null,
  in_hour: null,
  in_weekday: null,
  in_risk: null,
  in_approved: null,
  in_method: null,
  in_path: null,
  in_host: null,
  in_other: null,
}

export function inputColumns(recorded: unknown): InputColumns {
  if (recorded === undefined || recorded === null) return nothing
  const facts = parseInputs(recorded)
  if (facts === undefined) return { ...nothing, in_form: 2, in_other: JSON.stringify(recorded) }
  const { user, action, resource, session, device, ip, time, risk, approved, http } = facts
  return {
    in_form: 1,
    in_user: user,
    in_action: action,
    in_resource_kind: resource.kind,
    in_resource: resource.kind === 'app' ? resource.name : resource.host,
    in_factors: JSON.stringify(session.factors),
    in_age_s: session.ageSeconds,
    in_door: session.door,
    in_device_id: device?.id ?? null,
    in_posture: device?.posture ?? null,
    in_os: device?.os ?? null,
    in_ip: ip,
    in_now_ms: time.nowMs,
    in_hour: time.hour,
    in_weekday: time.weekday,
    in_risk: risk,
    in_approved: approved,
    in_method: http?.method ?? null,
    in_path: http?.path ?? null,
    in_host: http?.host ?? null,
    in_other: null,
  }
}

/** What `inputColumns` was given; null when nothing was recorded, or in a form that we do not know. */
export function inputsOf(columns: InputColumns): AuthorizationFacts | null {
  if (columns.in_form !== 1) return null
  const { in_user, in_action, in_resource_kind, in_resource, in_factors, in_age_s, in_door, in_ip } = columns
  const { in_device_id, in_posture, in_os, in_now_ms, in_hour, in_weekday, in_risk, in_approved } = columns
  const { in_method, in_path, in_host } = columns
  return (
    parseInputs({
      user: in_user,
      action: in_action,
      resource:
        in_resource_kind === 'app' ? { kind: 'app', name: in_resource } : { kind: in_resource_kind, host: in_resource },
      session: { factors: JSON.parse(in_factors ?? 'null'), ageSeconds: in_age_s, door: in_door },
      device: in_device_id === null ? null : { id: in_device_id, posture: in_posture, os: in_os },
      ip: in_ip,
      time: { nowMs: in_now_ms, hour: in_hour, weekday: in_weekday },
      risk: in_risk,
      approved: in_approved,
      http: in_method === null ? null : { method: in_method, path: in_path, host: in_host },
    }) ?? null
  )
}

const actions: ReadonlySet<unknown> = new Set(actionNames)

// Strict: with one field more or less, or of another kind, columns could not give back what was recorded.
function parseInputs(value: unknown): AuthorizationFacts | undefined {
  if (!isObject(value) || Object.keys(value).length !== 10) return undefined
  const { user, action, resource, session, device, ip, time, risk, approved, http } = value
  if (!isText(user) || !actions.has(action) || !isText(ip) || !isWhole(risk)) return undefined
  if (typeof approved !== 'boolean' || !isResource(resource) || !isSession(session)) return undefined
  if (!(device === null || isDevice(device)) || !isTime(time) || !(http === null || isHttp(http))) return undefined
  return { user, action, resource, session, device, ip, time, risk, approved, http } as AuthorizationFacts
}

function isResource(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 2) return false
  return value['kind'] === 'app' ? isText(value['name']) : value['kind'] === 'destination' && isText(value['host'])
}

function isSession(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 3) return false
  const { factors, ageSeconds, door } = value
  const isDoor = door === 'browser' || door === 'agent'
  return Array.isArray(factors) && factors.every(isText) && isWhole(ageSeconds) && isDoor
}

function isDevice(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 3) return false
  const { id, posture, os } = value
  return isText(id) && isText(os) && (posture === 0 || posture === 1 || posture === 2)
}

function isTime(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 3) return false
  return isWhole(value['nowMs']) && isWhole(value['hour']) && isWhole(value['weekday'])
}

function isHttp(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 3) return false
  return isText(value['method']) && isText(value['path']) && isText(value['host'])
}

// Half of a surrogate pair has no UTF-8 form, so a column could not hold it.
function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0')
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0)
}
